// The artefact that ships is the one tested: both tarballs, installed into an empty folder, without Rust and without scripts.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from './support.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

let work: string;
let project: string;
let installed: string;
let env: Record<string, string>;

/** npm's own main module, so that no shell and no PATH is needed to run it. */
function npmCli(): string {
  const beside = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm');
  const running = process.env.npm_execpath;
  const candidates = running ? [resolve(running, '..', '..'), beside] : [beside];
  for (const folder of candidates) {
    if (existsSync(join(folder, 'bin', 'npx-cli.js'))) return folder;
  }
  return join(execFileSync('npm', ['root', '-g'], { encoding: 'utf8' }).trim(), 'npm');
}

function node(args: string[], input?: string) {
  const result = spawnSync(process.execPath, args, { cwd: project, env, encoding: 'utf8', ...(input && { input }) });
  if (result.error) throw result.error;
  return result;
}

/** The first TypeScript block after the README's mark. */
function readmeExample(): string {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const found = readme.match(/<!-- example: readme -->\s*```ts\n([\s\S]*?)```/)?.[1];
  if (found === undefined) throw new Error('README.md has no marked example');
  return found;
}

describe('versions', () => {
  test('package, platform packages and crates are of one version', () => {
    expect(readFileSync(join(root, 'Cargo.toml'), 'utf8')).toContain(`\nversion = "${manifest.version}"\n`);
    for (const folder of readdirSync(join(root, 'npm'))) {
      const platform = JSON.parse(readFileSync(join(root, 'npm', folder, 'package.json'), 'utf8'));
      expect([platform.name, platform.version]).toEqual([`riptide-wasm-${folder}`, manifest.version]);
    }
  });
});

// The one platform package there is. Elsewhere nothing is packed.
const shipped = process.platform === 'linux' && process.arch === 'x64' && !isMusl();

function isMusl(): boolean {
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime === undefined;
}

describe.runIf(shipped)('the packed package', () => {
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'riptide-wasm-package-'));
    const packed = join(work, 'packed');
    // As if packed for the image before. In a folder of its own, which the image's build would not see.
    const forImage = join(root, 'deploy', 'packages');
    const made = mkdirSync(forImage, { recursive: true });
    const earlier = mkdtempSync(join(forImage, 'test-'));
    try {
      writeFileSync(join(earlier, 'earlier.tgz'), '');
      execFileSync(process.execPath, [join(root, 'scripts', 'pack.mjs'), packed], { cwd: root, stdio: 'pipe' });
    } finally {
      rmSync(earlier, { recursive: true });
      if (made !== undefined) rmdirSync(forImage);
    }

    // A PATH with node and a shell, and nothing else: no cargo, no compiler.
    const bin = join(work, 'bin');
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, 'node'));
    symlinkSync('/bin/sh', join(bin, 'sh'));
    env = { PATH: bin, HOME: join(work, 'home'), npm_config_cache: join(work, 'npm-cache') };

    project = join(work, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    const tarballs = readdirSync(packed).map((file) => join(packed, file));
    expect(tarballs).toHaveLength(2);
    const install = ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', ...tarballs];
    const result = node([join(npmCli(), 'bin', 'npm-cli.js'), ...install]);
    expect(result.stderr + result.stdout, 'npm install').toContain('added 2 packages');
    installed = join(project, 'node_modules', 'riptide-wasm');
  }, 300_000);

  afterAll(() => {
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
  });

  test('names its platform package, and needs neither scripts nor other packages', () => {
    const packed = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(packed.optionalDependencies).toEqual({ 'riptide-wasm-linux-x64-gnu': manifest.version });
    expect(packed.dependencies).toBeUndefined();
    expect(packed.scripts).toBeUndefined();
    for (const file of ['LICENSE-MIT', 'LICENSE-APACHE', 'README.md', 'crates/extractor/dist/manifest.json']) {
      expect(existsSync(join(installed, file)), file).toBe(true);
    }
    // The addon comes from the platform package, not from this one.
    expect(readdirSync(join(installed, 'native')).filter((file) => file.endsWith('.node'))).toEqual([]);
  });

  test('holds what deploys it, and no earlier package', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files).toContain(join('deploy', 'prometheus', 'alerts.yml'));
    expect(files.filter((file) => file.endsWith('.tgz'))).toEqual([]);
  });

  test('runs the README’s example', () => {
    const source = readmeExample();
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(join(project, 'example.mjs'), outputText);
    const result = node(['example.mjs']);
    expect(result.stderr).toBe('');
    expect(result.stdout.trim().split('\n')).toEqual([
      'Tides en https://example.com/moon',
      '3',
      'ERR_MEMORY_LIMIT 1048576',
      'TimeoutError',
      '1 1',
    ]);
    expect(result.status).toBe(0);
  }, 120_000);

  test('type-checks the README’s example, as an ES module and as CommonJS', () => {
    writeFileSync(join(project, 'example.mts'), readmeExample());
    writeFileSync(
      join(project, 'example.cts'),
      "import riptide = require('riptide-wasm');\nexport const engine: riptide.Engine = new riptide.Engine({ simd: true });\n",
    );
    const program = ts.createProgram([join(project, 'example.mts'), join(project, 'example.cts')], {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      noEmit: true,
      typeRoots: [join(root, 'node_modules', '@types')],
      types: ['node'],
    });
    const diagnostics = ts.getPreEmitDiagnostics(program);
    expect(diagnostics.map((each) => ts.flattenDiagnosticMessageText(each.messageText, '\n'))).toEqual([]);
  }, 120_000);

  test('can be required', () => {
    const script = `
      const { Engine, Pool, wat2wasm } = require('riptide-wasm');
      (async () => {
        const code = await new Engine({ cache: false }).load(wat2wasm('(module (func (export "f") (result i32) i32.const 7))'));
        const pool = new Pool(code);
        console.log(await pool.call('f'));
        await pool.close();
      })();`;
    const result = node(['-e', script]);
    expect([result.stdout, result.status], result.stderr).toEqual(['7\n', 0]);
    expect(createRequire(join(project, 'x.js')).resolve('riptide-wasm')).toBe(join(installed, 'index.cjs'));
  }, 60_000);

  test('extracts a page by its command', () => {
    const npx = (args: string[], input?: string) =>
      node([join(npmCli(), 'bin', 'npx-cli.js'), '--offline', 'riptide-wasm', ...args], input);
    const html = '<title>Ebb</title><article><h1>Ebb</h1><p>The water <b>goes</b> away.</p></article>';
    const good = npx(['extract', '-', '--json'], html);
    expect([good.stderr, good.status]).toEqual(['', 0]);
    expect(JSON.parse(good.stdout)).toMatchObject({ title: 'Ebb', text: expect.stringContaining('goes away') });

    const bad = npx(['extract', 'no-such-file.html']);
    expect([bad.stdout, bad.status]).toEqual(['', 1]);
    expect(bad.stderr.trim().split('\n')).toHaveLength(1);
  }, 120_000);

  test('says what its server needs, and serves where that is there', async () => {
    const command = [join(installed, 'dist', 'cli', 'main.js'), 'serve', '--port', '0'];
    const without = node(command);
    expect([without.stdout, without.stderr, without.status]).toEqual([
      '',
      'riptide-wasm: the server needs fastify and prom-client: npm install fastify prom-client\n',
      1,
    ]);

    for (const peer of ['fastify', 'prom-client']) {
      symlinkSync(join(root, 'node_modules', peer), join(project, 'node_modules', peer));
    }
    const server = spawn(process.execPath, command, { cwd: project, env });
    onTestFinished(() => void server.kill('SIGKILL'));
    const ended = once(server, 'exit');
    let log = '';
    server.stdout.on('data', (piece) => {
      log += piece;
    });
    await eventually(() => /listening at (http:\S+?)"/.test(log));
    const [, address] = /listening at (http:\S+?)"/.exec(log) ?? [];
    const response = await fetch(`${address}/extract`, {
      method: 'POST',
      headers: { 'content-type': 'text/html', accept: 'text/plain' },
      body: '<title>Ebb</title><article><h1>Ebb</h1><p>The water <b>goes</b> away.</p></article>',
    });
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('goes away')]);
    server.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  }, 60_000);
});
