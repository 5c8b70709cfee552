import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Ended, run, temporaryFolder } from './support.js';

const PAGE = `<!doctype html><html lang="en"><head><title>Of \u001b[31mtides</title></head><body><article>
  <h1>Of tides</h1>${'<p>The tide comes in twice a day, and with it come the small boats that fish the bay.</p>'.repeat(6)}
  <p><a href="next.html">Next</a></p><p class="note">A note.</p></article></body></html>`;

const cli = (args: string[], options?: Parameters<typeof run>[2]): Promise<Ended> =>
  run('dist/cli/main.js', args, options);

function pageFile(content: string | Uint8Array = PAGE): string {
  const file = join(temporaryFolder(), 'page.html');
  writeFileSync(file, content);
  return file;
}

async function serve(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(status, { 'content-type': 'text/html' }).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/bay/page.html`;
}

describe('riptide-wasm extract', () => {
  test('prints a file as Markdown, text or JSON', async () => {
    const file = pageFile();
    const markdown = await cli(['extract', file]);
    expect(markdown).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('The tide comes in') });
    expect(markdown.stdout).toContain('](file://');
    expect(await cli(['extract', '--markdown', file])).toEqual(markdown);
    const text = await cli(['extract', file, '--text']);
    expect(text.stdout).toContain('The tide comes in');
    expect(text.stdout).not.toContain('](');
    const json = JSON.parse((await cli(['extract', file, '--json'])).stdout);
    expect(json).toMatchObject({ language: 'en', wordCount: expect.any(Number), links: [{ text: 'Next' }] });
  });

  test('reads standard input, with an address for its links', async () => {
    const args = ['extract', '-', '--json', '--url', 'https://example.com/bay/'];
    const { code, stdout } = await cli(args, { input: PAGE });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).links).toMatchObject([{ url: 'https://example.com/bay/next.html' }]);
  });

  test('fetches a URL', async () => {
    const url = await serve(200, PAGE);
    const { code, stdout } = await cli(['extract', url, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).links[0].url).toBe(url.replace('page.html', 'next.html'));
  });

  test('knows the modes', async () => {
    const file = pageFile();
    expect((await cli(['extract', file, '--selector', '.note', '--text'])).stdout.trim()).toBe('A note.');
    expect((await cli(['extract', file, '--mode', 'custom', '--selector', 'h1', '--text'])).stdout.trim()).toBe(
      'Of tides',
    );
    expect(JSON.parse((await cli(['extract', file, '--mode', 'metadata'])).stdout)).toMatchObject({ text: '' });
    expect((await cli(['extract', file, '--mode', 'full'])).stdout).toContain('A note.');
  });

  const failures: [string, () => string[] | Promise<string[]>, RegExp][] = [
    [
      'a file that is not there',
      () => ['extract', 'no-such-file.html'],
      /no-such-file\.html: cannot be read: no such file/,
    ],
    ['a folder', () => ['extract', temporaryFolder()], /is a directory/],
    ['HTTP failure', async () => ['extract', await serve(404, 'no')], /page\.html: HTTP 404/],
    ['an address nobody listens on', () => ['extract', 'http://127.0.0.1:1/'], /cannot be fetched/],
    ['a page that is not UTF-8', () => ['extract', pageFile(Buffer.from('<p>Größe', 'latin1'))], /not UTF-8/],
    ['an empty page', () => ['extract', pageFile('')], /invalid-html/],
    ['a selector that is no CSS', () => ['extract', pageFile(), '--selector', 'p >>> ['], /unsupported-mode/],
  ];
  test.each(failures)('ends %s with exit code 1 and one line', async (_, args, message) => {
    const { code, stdout, stderr } = await cli(await args());
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^riptide-wasm: [^\n]+\n$/);
  });

  test('ends a bad environment with exit code 1 and the variable', async () => {
    const { code, stderr } = await cli(['extract', pageFile()], { env: { RIPTIDE_WASM_TIMEOUT_SECS: '0' } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^riptide-wasm: .*RIPTIDE_WASM_TIMEOUT_SECS.*\n$/);
  });

  test.each([
    [[]],
    [['extrude']],
    [['extract']],
    [['extract', 'a', 'b']],
    [['extract', 'a', '--mode', 'most']],
    [['extract', 'a', '--mode', 'custom']],
    [['extract', 'a', '--mode', 'full', '--selector', 'p']],
    [['extract', 'a', '--json', '--text']],
    [['extract', 'a', '--verbose']],
    [['demo', '--fast']],
  ])('ends %j with exit code 2 and one line', async (args) => {
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^riptide-wasm: [^\n]+\n$/);
  });

  test('is quiet where its reader has seen enough', async () => {
    const file = pageFile(
      PAGE.replace('</article>', `${'<p>Some more words for the pipe to fill.</p>'.repeat(20_000)}</article>`),
    );
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)),
      'extract',
      file,
    ]);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const [code] = await once(child, 'exit');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('riptide-wasm', () => {
  test('says its version and what it can do', async () => {
    expect((await cli(['--version'])).stdout).toMatch(/^riptide-wasm \d+\.\d+\.\d+ \(Wasmtime \d+/);
    for (const args of [['--help'], ['extract', '--help'], ['demo', '--help']]) {
      const { code, stdout } = await cli(args);
      expect(code).toBe(0);
      expect(stdout).toContain('Exit codes');
    }
  });
});

describe('riptide-wasm demo', () => {
  test('extracts a folder into a table with rate, metrics and cache', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'deep'));
    for (let n = 0; n < 25; n++) writeFileSync(join(folder, n % 2 ? 'deep' : '.', `page-${n}.html`), PAGE);
    const env = { RIPTIDE_WASM_CACHE_DIR: temporaryFolder() };
    const first = await cli(['demo', '--', folder], { env });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const lines = first.stdout.split('\n');
    expect(lines[0]).toMatch(/^page +title +words +language +ms +peak pages$/);
    expect(lines.filter((line) => /^page-\d+\.html +Of \[31mtides +\d+ +en +\d+\.\d +\d+$/.test(line))).toHaveLength(
      25,
    );
    expect(first.stdout).not.toContain('\u001b');
    expect(first.stdout).toMatch(/25 pages, .* pages a second/);
    for (const name of [
      'memory_pages',
      'grow_failed_total',
      'peak_memory_pages',
      'cold_start_time_ms',
      'aot_cache_hits',
    ]) {
      expect(first.stdout).toContain(`riptide_wasm_${name}`);
    }
    expect(first.stdout).toMatch(/riptide_wasm_aot_cache_misses +1/);
    expect(first.stdout).toMatch(/AOT cache: miss/);
    const second = await cli(['demo', folder], { env });
    expect(second.stdout).toMatch(/riptide_wasm_aot_cache_hits +1/);
    expect(second.stdout).toMatch(/AOT cache: hit; cold start \d+\.\d ms/);
  });

  test('says that metrics are off instead of showing zeros', async () => {
    const env = { RIPTIDE_WASM_ENABLE_METRICS: 'false' };
    const { code, stdout } = await cli(['demo', pageFile()], { env });
    expect(code).toBe(0);
    expect(stdout).toContain('metrics are off (RIPTIDE_WASM_ENABLE_METRICS)');
    expect(stdout).not.toContain('riptide_wasm_');
  });

  test('extracts pages that came with Node where none are given', async ({ skip }) => {
    const { code, stdout, stderr } = await cli(['demo']);
    skip(code === 1 && stderr.includes("npm's manual was not found"), "this machine has no manual of npm's");
    expect(code).toBe(0);
    expect(Number(/(\d+) pages, /.exec(stdout)?.[1])).toBeGreaterThanOrEqual(20);
  });

  test('shows a page that fails in its row, and ends with exit code 1', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'good.html'), PAGE);
    writeFileSync(join(folder, 'bad.html'), '');
    const { code, stdout, stderr } = await cli(['demo', folder]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/bad\.html +.*invalid-html/);
    expect(stdout).toMatch(/good\.html +Of/);
    expect(stderr).toBe('riptide-wasm: 1 of 2 pages failed\n');
  });
});
