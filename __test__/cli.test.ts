import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Ended, run, temporaryFolder } from './support.js';

const PAGE = `<!doctype html><html lang="en"><head><title>Of tides</title></head><body><article>
  <h1>Of tides</h1>${'<p>The tide comes in twice a day, and with it come the small boats that fish the bay.</p>'.repeat(6)}
  <p><a href="next.html">Next</a></p><p class="note">A note.</p></article></body></html>`;

const cli = (args: string[], options?: Parameters<typeof run>[2]): Promise<Ended> =>
  run('dist/cli/main.js', args, options);

function pageFile(content: string | Uint8Array = PAGE, name = 'page.html'): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  return file;
}

const HTML = { 'content-type': 'text/html' };

const serve = (status: number, body: string | Uint8Array, headers: Record<string, string> = HTML): Promise<string> =>
  answering((_, response) => response.writeHead(status, headers).end(body));

async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/bay/page.html`;
}

function pageOf(head: string, text: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${head}<p>`), text]);
}

describe('riptide-wasm extract', () => {
  test('prints a file as Markdown, text or JSON', async () => {
    const file = pageFile();
    const markdown = await cli(['extract', file]);
    expect(markdown).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('The tide comes in') });
    expect(markdown.stdout).toContain('[Next](next.html)');
    expect(await cli(['extract', '--markdown', file])).toEqual(markdown);
    const text = await cli(['extract', file, '--text']);
    expect(text.stdout).toContain('The tide comes in');
    expect(text.stdout).not.toContain('](');
    const json = JSON.parse((await cli(['extract', file, '--json'])).stdout);
    expect(json).toMatchObject({
      language: 'en',
      wordCount: expect.any(Number),
      links: [{ text: 'Next', url: 'next.html' }],
    });
    expect(json.url).toBe('');
    const placed = await cli(['extract', file, '--url', 'https://example.com/bay/']);
    expect(placed.stdout).toContain('[Next](https://example.com/bay/next.html)');
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

  test('follows redirects, and takes what is compressed though something follows it', async () => {
    const asked: unknown[] = [];
    const url = await answering(({ url, headers }, response) => {
      asked.push([url, headers['accept-encoding']]);
      if (url === '/bay/page.html')
        return response.writeHead(302, { location: Buffer.from('/größe/').toString('latin1') }).end('elsewhere');
      return response
        .writeHead(200, { ...HTML, 'content-encoding': 'gzip' })
        .end(Buffer.concat([gzipSync(PAGE), Buffer.from('and more')]));
    });
    const { code, stdout, stderr } = await cli(['extract', `${url}#part`, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      url: new URL('/größe/', url).href,
      text: expect.stringMatching(/tide/),
    });
    expect(asked).toEqual([
      ['/bay/page.html', 'gzip, deflate, br'],
      ['/gr%C3%B6%C3%9Fe/', 'gzip, deflate, br'],
    ]);
  });

  // What each means is in charset.test.ts; here, that all ways in lead there.
  const gbk = Buffer.from([0xbc, 0xd2, 0xbe, 0xd3]);
  test.each([
    ['of no UTF-8', Buffer.from('<p>Größe €'.replace('€', '\x80'), 'latin1'), undefined, 'Größe €'],
    ['with a byte order mark', Buffer.from('\ufeff<p>Größe', 'utf16le'), undefined, 'Größe'],
    [
      'with a late meta',
      Buffer.from(`<!--${'-'.repeat(2_000)}--><meta charset=latin1><p>\xdf`, 'latin1'),
      undefined,
      'ß',
    ],
    [
      'with a meta of no media type',
      pageOf('<meta http-equiv=Content-Type content="charset=gbk">', gbk),
      undefined,
      '家居',
    ],
    ['with a header', pageOf('<meta charset=utf-8>', gbk), 'text/html; charset=gb2312', '家居'],
  ])('decodes a page %s as the server does', async (_, bytes, type, expected) => {
    if (type === undefined) {
      const file = await cli(['extract', pageFile(bytes), '--text']);
      expect(file).toEqual({ code: 0, stdout: `${expected}\n`, stderr: '' });
      expect(await cli(['extract', '-', '--text'], { input: bytes })).toEqual(file);
      expect(await cli(['extract', pageFile(gzipSync(bytes), 'page.html.gz'), '--text'])).toEqual(file);
    }
    const url = await serve(200, bytes, { 'content-type': type ?? 'text/html' });
    expect(await cli(['extract', url, '--text'])).toMatchObject({ code: 0, stdout: `${expected}\n` });
  });

  test('decompresses gzip, whatever follows it and wherever it comes from', async () => {
    const zipped = Buffer.concat([gzipSync(PAGE), gzipSync('<p>The end.'), Buffer.from('and more')]);
    const file = await cli(['extract', pageFile(zipped, 'page.html.gz'), '--text', '--mode', 'full']);
    expect(file).toMatchObject({ code: 0, stdout: expect.stringMatching(/Of tides(.|\n)*The end\.\n$/), stderr: '' });
    expect(await cli(['extract', '-', '--text', '--mode', 'full'], { input: zipped })).toEqual(file);
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
    [
      'an encoding that is not known',
      async () => ['extract', await serve(200, PAGE, { ...HTML, 'content-encoding': 'zstd' })],
      /cannot be fetched: unknown encoding zstd/,
    ],
    [
      'a redirect to what is not fetched',
      async () => ['extract', await serve(302, '', { location: 'file:///etc/passwd' })],
      /cannot be fetched: redirected to file:/,
    ],
    [
      'redirects without end',
      async () => ['extract', await serve(302, '', { location: '/' })],
      /cannot be fetched: more than 20 redirects/,
    ],
    ['an address that is none', () => ['extract', 'http://'], /cannot be fetched: Invalid URL/],
    [
      'an address with a password',
      () => ['extract', 'http://a:b@127.0.0.1/'],
      /cannot be fetched: the URL has credentials/,
    ],
    [
      'gzip that is cut off',
      () => ['extract', pageFile(gzipSync(PAGE).subarray(0, 100), 'page.html.gz')],
      /page\.html\.gz: cannot be decompressed: unexpected end of file/,
    ],
    [
      'gzip of too much',
      () => ['extract', pageFile(gzipSync(Buffer.alloc(65 * 1024 * 1024)), 'page.html.gz')],
      /page\.html\.gz: larger than 67108864 bytes/,
    ],
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
    [['extract', 'a', '--url', '/bay']],
    [['extract', 'a', '--url', 'ftp://example.com/']],
    [['extract', 'a', '--url', '']],
    [['extract', 'a', '--verbose']],
    [['demo', '--fast']],
  ])('ends %j with exit code 2 and one line', async (args) => {
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^riptide-wasm: [^\n]+ \(riptide-wasm (extract |demo )?--help lists what there is\)\n$/);
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

describe('riptide-wasm demo', () => {
  test('extracts a folder into a table with rate, metrics and cache', async () => {
    const folder = temporaryFolder();
    const page = PAGE.replace('<h1>Of ', '<h1>Of \u001b[31m');
    mkdirSync(join(folder, 'deep'));
    for (let n = 0; n < 25; n++) writeFileSync(join(folder, n % 2 ? 'deep' : '.', `page-${n}.html`), page);
    writeFileSync(join(folder, 'page-25.html.gz'), gzipSync(page));
    const env = { RIPTIDE_WASM_CACHE_DIR: temporaryFolder() };
    const first = await cli(['demo', '--', folder], { env });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const lines = first.stdout.split('\n');
    expect(lines[0]).toMatch(/^page +title +words +language +ms +peak pages$/);
    expect(
      lines.filter((line) => /^page-\d+\.html(\.gz)? +Of \[31mtides +\d+ +en +\d+\.\d +\d+$/.test(line)),
    ).toHaveLength(26);
    expect(first.stdout).not.toContain('\u001b');
    expect(first.stdout).toMatch(/26 pages, .* pages a second/);
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
