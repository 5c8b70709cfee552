// The package bundled by the tools that are used for it, run where it is installed and where nothing is; and loaded by
// test runners, which give each file a context of its own. One installation serves all.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import * as esbuild from 'esbuild';
import { rollup } from 'rollup';
import { build as viteBuild } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import webpack from 'webpack';
import { isShipped, PackedProject, ROOT } from './package-support.js';

const ADDON = 'riptide-wasm.linux-x64-gnu.node';
const EXTRACTOR = 'extractor.simd.wasm';

/** What each bundle does: a host function, a compiling process, the extractor. */
const BODY = `
const engine = new Engine({ cache: false });
const bytes = wat2wasm('(module (import "" "host" (func $h (result i32))) (func (export "f") (result i32) (call $h)))');
const pool = new Pool(await engine.load(bytes), { imports: { '': { host: async () => 7 } } });
const call = await pool.call('f');
await pool.close();
let isolated;
try {
  isolated = (await new Engine({ cache: false, compile: { isolated: true } }).load(bytes)).kind;
} catch (error) {
  isolated = error.code;
}
const extractor = await createExtractor({ min: 1 });
const { title } = await extractor.extract('<title>Ebb</title><p>The water <b>goes</b> away.</p>', '', 'metadata');
await extractor.close();
console.log(JSON.stringify({ call, isolated, title }));
`;
const NAMES = '{ createExtractor, Engine, Pool, wat2wasm }';
const ESM = `import ${NAMES} from 'riptide-wasm';${BODY}`;
const CJS = `const ${NAMES} = require('riptide-wasm');
(async () => {${BODY}})().catch((error) => {
  console.error(error);
  process.exit(1);
});`;
const WORKS = { call: 7, isolated: 'module', title: 'Ebb' };

let project: PackedProject;

const inProject = (...path: string[]) => join(project.folder, ...path);

function webpacked(entry: string, filename: string, external: boolean, more: webpack.Configuration = {}) {
  const kind = filename.endsWith('.mjs') ? 'module' : 'commonjs';
  const configuration: webpack.Configuration = {
    mode: 'production',
    target: 'node20',
    context: project.folder,
    entry: `./${entry}`,
    ...(external && { externals: [/^riptide-wasm/], externalsType: kind }),
    ...more,
    output: { path: inProject('out'), filename, ...more.output },
  };
  return new Promise<void>((resolve, reject) => {
    webpack(configuration, (error, stats) => {
      if (error) return reject(error);
      const { errors, warnings } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
      if (errors?.length || warnings?.length) return reject(new Error(JSON.stringify([errors, warnings])));
      resolve();
    });
  });
}

function esbuilt(entry: string, outfile: string, external: boolean, more: esbuild.BuildOptions = {}) {
  return esbuild.build({
    absWorkingDir: project.folder,
    entryPoints: [entry],
    outfile: `out/${outfile}`,
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    ...(external && { external: ['riptide-wasm'] }),
    ...more,
  });
}

/** Bun as built for processors without AVX2; its platform package is left out elsewhere. */
const BUN = join(ROOT, 'node_modules', '@oven', 'bun-linux-x64-baseline', 'bin', 'bun');
const hasBun = existsSync(BUN) && spawnSync(BUN, ['--version']).status === 0;

function bun(...args: string[]): void {
  const { status, stderr } = spawnSync(BUN, args, { cwd: project.folder, env: project.env, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
}

/** Bundles the program into the project's folder `out`, with the package inside or `external`. */
type Bundler = (name: string, external: boolean) => Promise<unknown>;

const BUNDLERS: Record<string, Bundler> = {
  'esbuild.mjs': (name, external) => esbuilt('app.mjs', name, external, { format: 'esm' }),
  'esbuild.cjs': (name, external) => esbuilt('app.cjs', name, external, { format: 'cjs', minify: true }),
  'rollup.mjs': async (name, external) => {
    const bundle = await rollup({
      input: inProject('app.mjs'),
      external: external ? [/^node:/, /^riptide-wasm/] : /^node:/,
      plugins: [nodeResolve()],
    });
    await bundle.write({ file: inProject('out', name), format: 'es' });
  },
  'vite.mjs': (name, external) =>
    viteBuild({
      root: project.folder,
      configFile: false,
      logLevel: 'silent',
      build: {
        ssr: 'app.mjs',
        outDir: 'out',
        emptyOutDir: false,
        target: 'node20',
        rollupOptions: { output: { entryFileNames: name } },
      },
      ssr: { noExternal: true, ...(external && { external: ['riptide-wasm'] }) },
    }),
  'webpack.cjs': (name, external) => webpacked('app.cjs', name, external),
  'webpack.mjs': (name, external) =>
    webpacked('app.mjs', name, external, {
      experiments: { outputModule: true },
      output: { module: true, chunkFormat: 'module' },
    }),
  ...(hasBun && {
    'bun.mjs': async (name, external) => {
      const options = external ? ['--external', 'riptide-wasm*'] : [];
      bun('build', '--target=node', ...options, 'app.mjs', '--outfile', inProject('out', name));
    },
  }),
};

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

const run = (file: string, env = {}): Ran => project.node([file], { env });

function expectToWork({ status, stdout, stderr }: Ran, wanted: object = WORKS): void {
  expect([status, stdout === '' ? stderr : JSON.parse(stdout)]).toEqual([0, wanted]);
}

describe.runIf(isShipped)('the package', () => {
  beforeAll(() => {
    project = new PackedProject();
    mkdirSync(inProject('out'));
    writeFileSync(inProject('app.mjs'), ESM);
    writeFileSync(inProject('app.cjs'), CJS);
  }, 300_000);

  afterAll(() => project?.remove());

  describe.each(Object.keys(BUNDLERS))('in a bundle by %s', (name) => {
    beforeAll(async () => {
      await BUNDLERS[name]?.(name, false);
    }, 120_000);

    test('works where it is installed', () => {
      expectToWork(run(inProject('out', name)));
    });

    test('says elsewhere what to do, and works with its files beside', () => {
      withoutInstallation((folder) => {
        const file = join(folder, name);
        copyFileSync(inProject('out', name), file);
        const nothing = run(file);
        expect(nothing.status).not.toBe(0);
        expect(nothing.stderr).toContain(
          `riptide-wasm is bundled into ${file} without its addon: mark it external (esbuild: --external:riptide-wasm;`,
        );
        expect(nothing.stderr).toContain("reason: 'bundled'");
        put(ADDON, folder);
        const half = run(file);
        expect(half.status).not.toBe(0);
        expect(half.stderr).toContain(`riptide-wasm is bundled into ${file} without its extractor: copy`);
        put(EXTRACTOR, folder);
        expectToWork(run(file));
      });
    });

    test('works with its files in a place that RIPTIDE_WASM_ADDON tells', () => {
      withoutInstallation((folder) => {
        const file = join(folder, name);
        copyFileSync(inProject('out', name), file);
        const elsewhere = join(folder, 'native');
        mkdirSync(elsewhere);
        put(ADDON, elsewhere);
        put(EXTRACTOR, elsewhere);
        expectToWork(run(file, { RIPTIDE_WASM_ADDON: join(elsewhere, ADDON) }));
      });
    });
  });

  test.each(Object.keys(BUNDLERS))(
    'external to a bundle by %s works',
    async (name) => {
      const external = `external-${name}`;
      await BUNDLERS[name]?.(external, true);
      expectToWork(run(inProject('out', external)));
    },
    60_000,
  );

  test.runIf(hasBun)(
    'in an executable by bun build --compile says what to do, and works with its files beside',
    () => {
      const folder = mkdtempSync(join(project.work, 'bun-'));
      const file = join(folder, 'app');
      bun('build', '--compile', 'app.mjs', '--outfile', file);
      const start = () => spawnSync(file, { cwd: folder, env: project.env, encoding: 'utf8' });
      withoutInstallation(() => {
        const nothing = start();
        expect(nothing.status).not.toBe(0);
        expect(nothing.stderr).toContain(`riptide-wasm is bundled into ${file} without its addon`);
        put(ADDON, folder);
        put(EXTRACTOR, folder);
        // It cannot be started as Node, which a compiling process is.
        expectToWork(start(), { ...WORKS, isolated: 'ERR_UNSUPPORTED' });
      });
    },
    60_000,
  );

  test('in several bundles of one process: each gets its own host functions, errors and events', async () => {
    const source = `import { Engine, Pool, wat2wasm } from 'riptide-wasm';
      export async function open(host, events) {
        const guest = '(module (import "" "host" (func $h (result i32))) (func (export "f") (result i32) (call $h)))';
        const code = await new Engine({ cache: false }).load(wat2wasm(guest));
        const pool = new Pool(code, { max: 1, imports: { '': { host } } });
        pool.on('instanceCreated', () => events.push(host.name));
        return pool;
      }`;
    writeFileSync(inProject('open.mjs'), source);
    for (const name of ['one.mjs', 'two.mjs']) await esbuilt('open.mjs', name, false, { format: 'esm' });
    writeFileSync(
      inProject('out', 'several.mjs'),
      `import * as one from './one.mjs';
       import * as two from './two.mjs';
       const [ones, twos] = [[], []];
       const pools = [
         await one.open(async function first() { return 1; }, ones),
         await two.open(async function second() { return 2; }, twos),
         await one.open(async function third() { throw new Error('third'); }, ones),
         // Asks its own pool, which has no other instance: only the copy that called knows.
         await one.open(async function fourth() { return pools[3].call('f'); }, ones),
       ];
       const calls = pools.map((pool) => pool.call('f').catch((error) => error.cause?.code ?? error.cause?.message));
       const answers = await Promise.all(calls);
       await Promise.all(pools.map((pool) => pool.close()));
       console.log(JSON.stringify({ answers, ones: ones.sort(), twos }));`,
    );
    expectToWork(run(inProject('out', 'several.mjs')), {
      answers: [1, 2, 'third', 'ERR_REENTRANT'],
      ones: ['first', 'fourth', 'third'],
      twos: ['second'],
    });
  }, 60_000);

  describe('in a test runner', () => {
    const checks = `
      const pool = new Pool(await new Engine({ cache: false }).load(new Uint8Array(wat2wasm(GUEST))), {
        imports: { '': { host: async () => 7 } },
      });
      expect(await pool.call('f')).toBe(7);
      await expect(pool.call('trap')).rejects.toBeInstanceOf(RiptideError);
      await expect(pool.call('f', [new Date()])).rejects.toMatchObject({ code: 'ERR_BAD_ARGUMENT' });
      await pool.close();
      await expect(new Engine({ cache: false }).load(Uint8Array.of(1, 2))).rejects.toThrow(RiptideError);
      const isolated = new Engine({ cache: false, compile: { isolated: true } });
      expect((await isolated.load(new Uint8Array(wat2wasm(GUEST)))).kind).toBe('module');
      const extractor = await createExtractor({ min: 1 });
      const page = await extractor.extract('<title>Ebb</title><p>The water goes.</p>', '', 'metadata');
      expect(page).toMatchObject({ title: 'Ebb', links: [] });
      await extractor.close();`;
    const guest = `const GUEST = '(module (import "" "host" (func $h (result i32))) (func (export "f") (result i32) (call $h)) (func (export "trap") unreachable))';`;
    const names = '{ createExtractor, Engine, Pool, RiptideError, wat2wasm }';

    /** Two files with the same test: the second finds what the first left. */
    function tests(folder: string, extension: string, load: string): string {
      const at = inProject(folder);
      mkdirSync(at);
      for (const name of ['a', 'b']) {
        writeFileSync(
          join(at, `${name}.test.${extension}`),
          `${load}\n${guest}\ntest('all', async () => {${checks}\n});\n`,
        );
      }
      return at;
    }

    /** What a runner's command prints, where it ends well. */
    function passes(folder: string, node: string[]): string {
      const { status, stdout, stderr } = project.node(node, { cwd: folder });
      expect(status, stdout + stderr).toBe(0);
      return stdout + stderr;
    }

    function jest(folder: string, extension: string, options: string[] = [], more: object = {}): string {
      const config = {
        ...more,
        testEnvironment: 'node',
        testMatch: [`**/*.test.${extension}`],
        transform: {},
        watchman: false,
        testTimeout: 60_000,
      };
      writeFileSync(join(folder, 'jest.config.json'), JSON.stringify(config));
      const main = join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
      const flags = [
        '--ci',
        '--runInBand',
        '--config',
        'jest.config.json',
        '--cacheDirectory',
        join(project.work, 'jest'),
      ];
      return passes(folder, [...options, main, ...flags]);
    }

    test('works by require() in Jest', () => {
      symlinkSync(join(ROOT, 'node_modules', 'prom-client'), inProject('node_modules', 'prom-client'));
      const load = `const ${names} = require('riptide-wasm');
        const { registerMetrics } = require('riptide-wasm/prometheus');
        test('an entry beside', async () => {
          const { Registry } = require('prom-client');
          const registry = new Registry();
          registerMetrics(registry, { engine: new Engine({ cache: false }) });
          expect(await registry.metrics()).toContain('riptide_wasm_memory_pages');
        });`;
      expect(jest(tests('jest-cjs', 'cjs', load), 'cjs')).toContain('4 passed, 4 total');
    }, 60_000);

    test('works by require() in Jest that injects no globals', () => {
      const load = `const { expect, test } = require('@jest/globals');
        const ${names} = require('riptide-wasm');
        test.each(['prometheus', 'redis', 'server'])('the entry of %s', (entry) => {
          expect(Object.keys(require('riptide-wasm/' + entry))).not.toEqual([]);
        });`;
      for (const peer of ['redis', 'fastify']) {
        symlinkSync(join(ROOT, 'node_modules', peer), inProject('node_modules', peer));
      }
      const folder = tests('jest-no-globals', 'cjs', load);
      expect(jest(folder, 'cjs', [], { injectGlobals: false })).toContain('8 passed, 8 total');
    }, 60_000);

    test('works by require() in a process that Jest started, which has its variables', () => {
      expectToWork(run('app.cjs', { JEST_WORKER_ID: '1' }));
    });

    test('works by import in Jest', () => {
      const load = `import ${names} from 'riptide-wasm';`;
      const printed = jest(tests('jest-esm', 'mjs', load), 'mjs', ['--experimental-vm-modules']);
      expect(printed).toContain('2 passed, 2 total');
    }, 60_000);

    test('works in vmThreads of vitest', () => {
      const folder = tests('vm-threads', 'mjs', `import ${names} from 'riptide-wasm';`);
      const config = `export default { test: { globals: true, testTimeout: 60_000, pool: 'vmThreads', maxWorkers: 1, include: ['*.test.mjs'] } };`;
      writeFileSync(join(folder, 'vitest.config.mjs'), config);
      const main = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
      expect(passes(folder, [main, 'run', '--root', folder, '--no-color'])).toMatch(/Tests +2 passed/);
    }, 60_000);
  });
});

/** Runs where the package is installed nowhere, with an empty folder. */
function withoutInstallation(check: (folder: string) => void): void {
  const away = join(project.work, 'away');
  renameSync(inProject('node_modules'), away);
  try {
    check(mkdtempSync(join(project.work, 'moved-')));
  } finally {
    renameSync(away, inProject('node_modules'));
  }
}

/** Puts one of the package's files into a folder, where the package is installed nowhere. */
function put(file: typeof ADDON | typeof EXTRACTOR, folder: string): void {
  const away = join(project.work, 'away');
  const from = file === ADDON ? ['riptide-wasm-linux-x64-gnu'] : ['riptide-wasm', 'crates', 'extractor', 'dist'];
  linkSync(join(away, ...from, file), join(folder, file));
}
