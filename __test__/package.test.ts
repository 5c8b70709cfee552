// The artefact that ships is the one tested: both tarballs, installed into an empty folder, without Rust and without scripts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
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
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { VERSION } from '../dist/version.js';
import { publishedManifest, repositoryFields } from '../scripts/pack.mjs';
import { listeningAt, serveArguments } from '../stress/shared/server-process.mjs';
import { isShipped, npmCli, PackedProject, readmeExamples, ROOT as root } from './package-support.js';
import { eventually } from './support.js';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const REPOSITORY = 'https://example.com/tides/riptide-wasm';

let packed: PackedProject;
let project: string;
let installed: string;

const node = (args: string[], input?: string) => packed.node(args, input === undefined ? {} : { input });

describe('versions', () => {
  test('package, platform packages, crates and TypeScript are of one version', () => {
    expect(readFileSync(join(root, 'Cargo.toml'), 'utf8')).toContain(`\nversion = "${manifest.version}"\n`);
    expect(VERSION).toBe(manifest.version);
    for (const folder of readdirSync(join(root, 'npm'))) {
      const platform = JSON.parse(readFileSync(join(root, 'npm', folder, 'package.json'), 'utf8'));
      expect([platform.name, platform.version]).toEqual([`riptide-wasm-${folder}`, manifest.version]);
    }
  });
});

describe('the repository', () => {
  test('is nowhere in a manifest unless it is given', () => {
    const { repository, bugs, homepage } = publishedManifest() as Record<string, unknown>;
    expect([repository, bugs, homepage]).toEqual([undefined, undefined, undefined]);
  });

  test('is an https address, with or without .git', () => {
    expect(repositoryFields(`${REPOSITORY}.git`)).toEqual(repositoryFields(REPOSITORY));
    const credentials = 'https://user:token@example.com/tides/riptide-wasm';
    for (const wrong of [
      '',
      'riptide-wasm',
      'https://example.com',
      'git@example.com:tides/riptide-wasm.git',
      credentials,
    ]) {
      expect(() => repositoryFields(wrong), wrong).toThrow('--repository');
    }
  });
});

describe('the documents', () => {
  const documents = ['.', 'docs', 'deploy'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith('.md'))
      .map((file) => join(root, folder, file)),
  );
  /** As forges name headings in links. */
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');

  test.each(documents)('%s links to what is there', (document) => {
    const links = [...readFileSync(document, 'utf8').matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    for (const [link, path = '', wanted] of links) {
      const file = path === '' ? document : join(dirname(document), path);
      expect(existsSync(file), link).toBe(true);
      if (wanted === undefined) continue;
      const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        anchor(heading),
      );
      expect(headings, link).toContain(wanted);
    }
  });
});

describe.runIf(isShipped)('the packed package', () => {
  beforeAll(() => {
    // As if packed for the image before. In a folder of its own, which the image's build would not see.
    const forImage = join(root, 'deploy', 'packages');
    const made = mkdirSync(forImage, { recursive: true });
    const earlier = mkdtempSync(join(forImage, 'test-'));
    try {
      writeFileSync(join(earlier, 'earlier.tgz'), '');
      packed = new PackedProject('--repository', REPOSITORY);
    } finally {
      rmSync(earlier, { recursive: true });
      if (made !== undefined) rmdirSync(forImage);
    }
    project = packed.folder;
    installed = packed.installed;
  }, 300_000);

  afterAll(() => packed?.remove());

  test('names its platform package, and needs neither scripts nor other packages', () => {
    const published = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(published.optionalDependencies).toEqual({ 'riptide-wasm-linux-x64-gnu': manifest.version });
    expect(published.dependencies).toBeUndefined();
    expect(published.scripts).toBeUndefined();
    for (const file of ['LICENSE-MIT', 'LICENSE-APACHE', 'README.md', 'crates/extractor/dist/manifest.json']) {
      expect(existsSync(join(installed, file)), file).toBe(true);
    }
    // The addon comes from the platform package, not from this one.
    expect(existsSync(join(installed, 'native'))).toBe(false);
  });

  test('says where its repository is, as its platform package does', () => {
    for (const folder of [installed, join(project, 'node_modules', 'riptide-wasm-linux-x64-gnu')]) {
      expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toMatchObject({
        repository: { type: 'git', url: `git+${REPOSITORY}.git` },
        bugs: { url: `${REPOSITORY}/issues` },
        homepage: `${REPOSITORY}#readme`,
      });
    }
  });

  test('holds what deploys it, and no earlier package', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files).toContain(join('deploy', 'prometheus', 'alerts.yml'));
    expect(files.filter((file) => file.endsWith('.tgz'))).toEqual([]);
  });

  test.each(readmeExamples())(
    'runs the README’s example of $name',
    ({ code, output }) => {
      writeFileSync(join(project, 'example.mjs'), code);
      const result = node(['example.mjs']);
      expect(result.stderr).toBe('');
      expect(result.stdout.trim().split('\n')).toEqual(output);
      expect(result.status).toBe(0);
    },
    120_000,
  );

  test('has the types that its entries resolve to (attw)', () => {
    const tarball = join(packed.packed, `riptide-wasm-${manifest.version}.tgz`);
    const { bin } = JSON.parse(readFileSync(join(root, 'node_modules/@arethetypeswrong/cli/package.json'), 'utf8'));
    const attw = join(root, 'node_modules/@arethetypeswrong/cli', bin.attw);
    // Only Node before 12 finds no subpaths; `node10` stands for it.
    const result = node([attw, tarball, '--profile', 'node16', '--format', 'ascii', '--no-definitely-typed']);
    expect(result.status, result.stdout + result.stderr).toBe(0);
    for (const entry of ['', '/redis', '/prometheus', '/server', '/queue', '/bullmq', '/s3'])
      expect(result.stdout).toContain(`"riptide-wasm${entry}"`);
  }, 60_000);

  test('type-checks the README’s examples, and require() of every entry, under node16', () => {
    const folder = join(packed.work, 'types');
    cpSync(installed, join(folder, 'node_modules', 'riptide-wasm'), { recursive: true });
    mkdirSync(join(folder, 'node_modules', '@aws-sdk'));
    for (const peer of ['fastify', 'prom-client', 'redis', 'bullmq', '@aws-sdk/client-s3']) {
      symlinkSync(join(root, 'node_modules', peer), join(folder, 'node_modules', peer));
    }
    const entries = join(folder, 'entries.cts');
    const examples = readmeExamples().map(({ name, code }) => {
      const file = join(folder, `${name}.mjs`);
      writeFileSync(file, code);
      return file;
    });
    writeFileSync(
      entries,
      `import riptide = require('riptide-wasm');
       import redis = require('riptide-wasm/redis');
       import { registerMetrics } from 'riptide-wasm/prometheus';
       import server = require('riptide-wasm/server');
       import queue = require('riptide-wasm/queue');
       import bullmq = require('riptide-wasm/bullmq');
       import s3 = require('riptide-wasm/s3');
       export const engine: riptide.Engine = new riptide.Engine({ simd: true });
       export const all = [redis.RedisCache, registerMetrics, server.createServer, queue.createHandler, bullmq.createWorker, s3.S3Store];
       // @ts-expect-error: the types are there, and none is \`any\`
       export const wrong: [string, string, string] = [redis.RedisCache, registerMetrics, server.createServer];
       // @ts-expect-error
       export const wrongToo: [string, string, string] = [queue.createHandler, bullmq.createWorker, s3.S3Store];
       // @ts-expect-error
       new riptide.Engine({ simd: 5 });\n`,
    );
    // The mode that takes least: without `skipLibCheck`, what our own files import is checked too.
    const program = ts.createProgram([...examples, entries], {
      allowJs: true,
      checkJs: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.Node16,
      strict: true,
      noEmit: true,
      skipDefaultLibCheck: true,
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
    expect(createRequire(join(project, 'x.js')).resolve('riptide-wasm')).toBe(join(installed, 'cjs', 'index.cjs'));
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
    const command = serveArguments(installed);
    const without = node(command);
    expect([without.stdout, without.stderr, without.status]).toEqual([
      '',
      'riptide-wasm: the server needs fastify and prom-client: npm install fastify prom-client\n',
      1,
    ]);

    for (const peer of ['fastify', 'prom-client']) {
      symlinkSync(join(root, 'node_modules', peer), join(project, 'node_modules', peer));
    }
    const server = spawn(process.execPath, command, { cwd: project, env: packed.env });
    onTestFinished(() => void server.kill('SIGKILL'));
    const ended = once(server, 'exit');
    let log = '';
    server.stdout.on('data', (piece) => {
      log += piece;
    });
    await eventually(() => listeningAt(log) !== undefined);
    const response = await fetch(`${listeningAt(log)?.url}/extract`, {
      method: 'POST',
      headers: { 'content-type': 'text/html', accept: 'text/plain' },
      body: '<title>Ebb</title><article><h1>Ebb</h1><p>The water <b>goes</b> away.</p></article>',
    });
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('goes away')]);
    server.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  }, 60_000);
});
