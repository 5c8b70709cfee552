// An addon that is missing or does not load says why, and the one thing to do. Each package here is laid out as
// installed; nothing is packed.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { addonFile } from '../dist/addon.js';
import { isOlder, OLDEST_GLIBC } from '../dist/load-failure.js';
import { cleanEnvironment } from '../stress/shared/environment.mjs';
import { temporaryFolder } from './support.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const ADDON = 'riptide-wasm.linux-x64-gnu.node';

/** A project with the package, whose platform package {@link project} puts there. */
let base: string;

function install(folder: string): void {
  const main = join(folder, 'node_modules', 'riptide-wasm');
  for (const part of ['package.json', 'dist', 'cjs']) cpSync(join(root, part), join(main, part), { recursive: true });
  writeFileSync(
    join(folder, 'main.mjs'),
    `import('riptide-wasm').then(
       (riptide) => console.log(JSON.stringify({ loaded: riptide.buildInfo().version })),
       ({ code, message, details, cause }) =>
         console.log(JSON.stringify({ code, message, details, cause: cause?.message, causeCode: cause?.code })));`,
  );
}

/** The project with a platform package that holds the file, or without one. */
function project(addon?: string): string {
  const platform = join(base, 'node_modules', 'riptide-wasm-linux-x64-gnu');
  rmSync(platform, { recursive: true, force: true });
  if (addon !== undefined) putPlatformPackage(addon, platform);
  return base;
}

function putPlatformPackage(addon: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'npm', 'linux-x64-gnu', 'package.json'), join(folder, 'package.json'));
  cpSync(addon, join(folder, ADDON));
}

interface Told {
  loaded?: string;
  code?: string;
  message: string;
  details: Record<string, string>;
  cause?: string;
  causeCode?: string;
}

function node(folder: string, args: string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, args, {
    cwd: folder,
    env: cleanEnvironment(env),
    encoding: 'utf8',
  });
}

/** What loading says. */
function told(folder: string, options: string[] = [], env: Record<string, string> = {}): Told {
  const { stdout, stderr } = node(folder, [...options, 'main.mjs'], env);
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout);
}

/** Puts a program with the package in it there. */
function bundleOf(outfile: string) {
  return build({
    stdin: {
      contents: "import { buildInfo } from './dist/index.js'; console.log(buildInfo().version);",
      resolveDir: root,
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
  });
}

/** Code that runs before anything else, as Node's `--import` takes it. */
const before = (code: string) => ['--import', `data:text/javascript,${encodeURIComponent(code)}`];

describe.runIf(addonFile.endsWith(ADDON))('the addon', () => {
  let unfit: string;

  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), 'riptide-wasm-load-'));
    install(base);
    unfit = join(base, 'unfit');
    mkdirSync(unfit);
    const source = join(root, '__test__', 'fixtures', 'unfit-addons.c');
    const compile = (...args: string[]) =>
      execFileSync(process.env.CC ?? 'cc', ['-shared', '-fPIC', '-nostdlib', source, ...args], { cwd: unfit });
    writeFileSync(join(unfit, 'versions'), 'GLIBC_9.99 { global: from_the_future; };\n');
    compile('-DFUTURE_LIBC', '-Wl,--version-script=versions', '-Wl,-soname,libc.so.6', '-o', 'future-libc.so');
    compile('-DGLIBC', './future-libc.so', '-o', 'glibc.node');
    compile('-DNODE_API', '-o', 'node-api.node');
    compile('-DABI', '-o', 'abi.node');
    compile('-DANOTHER', '-o', 'another.node');
    writeFileSync(join(unfit, 'text.node'), 'no library');
  });

  afterAll(() => rmSync(base, { recursive: true, force: true }));

  test('of the platform package loads', () => {
    expect(told(project(addonFile))).toEqual({ loaded: version });
  });

  test('that no platform package brings: which one, and how it came to be left out', () => {
    const { code, message, details, causeCode } = told(project());
    expect([code, causeCode]).toEqual(['ERR_UNSUPPORTED', 'MODULE_NOT_FOUND']);
    const platformPackage = 'riptide-wasm-linux-x64-gnu';
    expect(details).toEqual({
      feature: 'native addon',
      reason: 'platform package',
      platform: 'linux-x64-gnu',
      package: platformPackage,
      needed: version,
    });
    expect(message).toContain(`npm install ${platformPackage}@${version}`);
    expect(message).toContain('--omit=optional');
    expect(message).toContain('lock file');
  });

  test('is found by package managers that put platform packages beside the package alone', () => {
    const folder = project();
    const nested = join(folder, 'node_modules', 'riptide-wasm', 'node_modules');
    onTestFinished(() => rmSync(nested, { recursive: true }));
    putPlatformPackage(addonFile, join(nested, 'riptide-wasm-linux-x64-gnu'));
    expect(told(folder)).toEqual({ loaded: version });
  });

  test('for a newer glibc: which there is, and which it needs', () => {
    const { code, message, details, cause } = told(project(join(unfit, 'glibc.node')));
    const found = (process.report.getReport() as { header: { glibcVersionRuntime: string } }).header
      .glibcVersionRuntime;
    expect(code).toBe('ERR_UNSUPPORTED');
    expect(details).toMatchObject({ reason: 'glibc', found, needed: '9.99' });
    expect(message).toContain(found);
    expect(message).toContain('9.99');
    expect(cause).toContain("GLIBC_9.99' not found");
  });

  // No Node for another libc or processor can be had here: the process is made to say that it is one.
  test('for glibc, on musl', () => {
    const musl = before('process.report.getReport = () => ({ header: {} });');
    for (const folder of [project(), project(join(unfit, 'text.node'))]) {
      const { code, message, details } = told(folder, musl);
      expect(code).toBe('ERR_UNSUPPORTED');
      expect(details).toMatchObject({ reason: 'musl', platform: 'linux-x64-musl', needed: `glibc ${OLDEST_GLIBC}` });
      expect(message).toContain('musl');
    }
  });

  test('for a platform that there is no binary for', () => {
    const { details, message } = told(
      project(),
      before("Object.defineProperty(process, 'arch', { value: 'riscv64' });"),
    );
    expect(details).toMatchObject({ reason: 'platform', platform: 'linux-riscv64-gnu', needed: 'linux-x64-gnu' });
    expect(message).toContain('linux-riscv64-gnu');
  });

  const flag = process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission';

  test('where Node loads none', () => {
    const folder = project(addonFile);
    const refused = told(folder, [flag, '--allow-fs-read=*']);
    expect(refused).toMatchObject({ code: 'ERR_UNSUPPORTED', causeCode: 'ERR_DLOPEN_DISABLED' });
    expect(refused.details).toMatchObject({ reason: 'permission', needed: '--allow-addons' });
    expect(refused.message).toContain('--allow-addons');
    expect(told(folder, [flag, '--allow-fs-read=*', '--allow-addons'])).toEqual({ loaded: version });

    const without = told(folder, ['--no-addons']);
    expect([without.code, without.details.reason]).toEqual(['ERR_UNSUPPORTED', 'permission']);
    expect(without.message).toContain('--no-addons');
  });

  test('that Node may not read', () => {
    const folder = project(addonFile);
    const allowed = (...paths: string[]) => [
      flag,
      '--allow-addons',
      ...['main.mjs', 'node_modules/riptide-wasm/dist/*', ...paths].map(
        (path) => `--allow-fs-read=${join(folder, path)}`,
      ),
    ];
    const named = { RIPTIDE_WASM_ADDON: addonFile };
    for (const refused of [told(folder, allowed()), told(folder, allowed(), named)]) {
      expect(refused).toMatchObject({ code: 'ERR_UNSUPPORTED', causeCode: 'ERR_ACCESS_DENIED' });
      expect(refused.details).toMatchObject({ reason: 'permission', needed: '--allow-fs-read' });
      expect(refused.message).toContain('start node with --allow-fs-read');
    }
    const whole = allowed('node_modules/riptide-wasm/*', 'node_modules/riptide-wasm-linux-x64-gnu/*');
    expect(told(folder, whole)).toEqual({ loaded: version });
  });

  test('of a bundle beside it, where Node may read no other folder', async () => {
    const folder = temporaryFolder();
    const main = join(folder, 'app', 'main.mjs');
    await bundleOf(main);
    cpSync(addonFile, join(folder, 'app', ADDON));
    const { stdout, stderr } = node(folder, [
      flag,
      '--allow-addons',
      `--allow-fs-read=${join(folder, 'app', '*')}`,
      main,
    ]);
    expect(stdout, stderr).toBe(`${version}\n`);
  });

  test('for a newer Node-API, or another ABI', () => {
    const old = told(
      project(addonFile),
      before("Object.defineProperty(process, 'versions', { value: { ...process.versions, napi: '8' } });"),
    );
    expect(old.details).toMatchObject({ reason: 'node', found: 'Node-API 8', needed: 'Node-API 9' });
    const api = told(project(join(unfit, 'node-api.node')));
    expect(api.details).toMatchObject({ reason: 'node', needed: 'napi_from_the_future' });
    const abi = told(project(join(unfit, 'abi.node')));
    expect(abi.details).toMatchObject({ reason: 'abi', found: '1', needed: process.versions.modules });
    for (const { code } of [old, api, abi]) expect(code).toBe('ERR_UNSUPPORTED');
  });

  test('of another version', () => {
    const folder = project(addonFile);
    const file = join(folder, 'node_modules', 'riptide-wasm', 'dist', 'version.js');
    const before = readFileSync(file, 'utf8');
    onTestFinished(() => writeFileSync(file, before));
    writeFileSync(file, before.replace(version, '9.9.9'));
    const { code, details } = told(folder);
    expect(code).toBe('ERR_UNSUPPORTED');
    expect(details).toMatchObject({ reason: 'version', found: version, needed: '9.9.9' });
  });

  test('that is no library, or another one', () => {
    const { code, details, message, cause } = told(project(join(unfit, 'text.node')));
    expect([code, details.reason]).toEqual(['ERR_UNSUPPORTED', 'unreadable']);
    expect(message).toContain(cause);
    expect(details.path).toMatch(/text\.node$|linux-x64-gnu\.node$/);

    const another = told(project(join(unfit, 'another.node')));
    expect([another.code, another.details.reason]).toEqual(['ERR_UNSUPPORTED', 'unreadable']);
  });

  test('that the environment names', () => {
    const folder = project();
    expect(told(folder, [], { RIPTIDE_WASM_ADDON: addonFile })).toEqual({ loaded: version });
    symlinkSync('circle.node', join(folder, 'circle.node'));
    // Node would run it.
    writeFileSync(join(folder, 'script.js'), 'console.log("ran")');
    const none = ['nowhere.node', join(addonFile, 'x.node'), 'circle.node', `${'x'.repeat(5000)}.node`, 'script.js'];
    for (const wrong of ['', folder, ...none]) {
      const { code, details } = told(folder, [], { RIPTIDE_WASM_ADDON: wrong });
      expect([code, details.option, details.value]).toEqual(['ERR_BAD_OPTION', 'RIPTIDE_WASM_ADDON', wrong]);
    }
  });

  test('of a bundle without it: how to make it external, and where it may lie', async () => {
    const folder = temporaryFolder();
    const outfile = join(folder, 'app.mjs');
    await bundleOf(outfile);
    writeFileSync(
      join(folder, 'main.mjs'),
      "import('./app.mjs').catch(({ code, message, details }) => console.log(JSON.stringify({ code, message, details })));",
    );
    const { code, message, details } = told(folder);
    expect(code).toBe('ERR_UNSUPPORTED');
    expect(details).toMatchObject({ reason: 'bundled', bundle: outfile, needed: ADDON });
    for (const hint of ['external', ADDON, 'RIPTIDE_WASM_ADDON', 'docs/bundling.md']) expect(message).toContain(hint);
    expect(existsSync(join(root, 'docs', 'bundling.md'))).toBe(true);
    cpSync(addonFile, join(folder, ADDON));
    expect(node(folder, ['app.mjs']).stdout).toBe(`${version}\n`);
  });

  test('that does not load is one line of the command, with the cause', () => {
    const folder = project(join(unfit, 'glibc.node'));
    const { stdout, stderr, status } = node(folder, [
      join('node_modules', 'riptide-wasm', 'dist', 'cli', 'main.js'),
      '--version',
    ]);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('ERR_UNSUPPORTED');
    expect(stderr).toContain("GLIBC_9.99' not found");
  });
});

test('versions are compared by their numbers', () => {
  const rising = ['2', '2.2.5', '2.9', '2.10', '2.28', '2.28.1', '10.0'];
  for (const [at, older] of rising.entries()) {
    expect(isOlder(older, older)).toBe(false);
    for (const newer of rising.slice(at + 1))
      expect([isOlder(older, newer), isOlder(newer, older)]).toEqual([true, false]);
  }
  expect([isOlder('2.28', '2.28.0'), isOlder('2.28.0', '2.28')]).toEqual([false, false]);
});

test('binaries are published for the platforms that have a package', () => {
  const platforms = readdirSync(join(root, 'npm'));
  const [, published = ''] =
    /PUBLISHED = \[(.*)\]/.exec(readFileSync(join(root, 'src-ts', 'load-failure.ts'), 'utf8')) ?? [];
  expect(published).toBe(platforms.map((each) => `'${each}'`).join(', '));
});
