import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, loadConfig, OptionError } from '../dist/index.js';
import { run, thrown } from './support.js';

function warningsOf(run: () => void): Promise<string[]> {
  const warnings: string[] = [];
  const listen = (warning: Error) => warnings.push(warning.message);
  process.on('warning', listen);
  onTestFinished(() => void process.off('warning', listen));
  run();
  return new Promise((resolve) => setImmediate(() => resolve(warnings)));
}

describe('loadConfig', () => {
  test('has the defaults of the specification', () => {
    expect(loadConfig({})).toEqual({
      engine: {
        simd: true,
        metrics: true,
        maxInstances: 64,
        maxMemoryPages: 4096,
        cache: true,
        coldStartTargetMillis: 15,
      },
      pool: { min: 2, max: 8, reuse: true, timeoutMillis: 30_000, maxMemoryPages: 4096 },
    });
  });

  test('reads every variable', () => {
    expect(
      loadConfig({
        RIPTIDE_WASM_MAX_POOL_SIZE: '100',
        RIPTIDE_WASM_INITIAL_POOL_SIZE: '0',
        RIPTIDE_WASM_MEMORY_LIMIT_PAGES: '512',
        RIPTIDE_WASM_ENABLE_SIMD: 'false',
        RIPTIDE_WASM_ENABLE_AOT_CACHE: 'TRUE',
        RIPTIDE_WASM_COLD_START_TARGET_MS: '50',
        RIPTIDE_WASM_TIMEOUT_SECS: '2.5',
        RIPTIDE_WASM_ENABLE_REUSE: 'false',
        RIPTIDE_WASM_ENABLE_METRICS: 'False',
        RIPTIDE_WASM_CACHE_DIR: 'some/folder',
        RIPTIDE_WASM_CACHE_KEY_FILE: 'some/key',
      }),
    ).toEqual({
      engine: {
        simd: false,
        metrics: false,
        maxInstances: 100,
        maxMemoryPages: 512,
        cache: { directory: 'some/folder', keyFile: 'some/key' },
        coldStartTargetMillis: 50,
      },
      pool: { min: 0, max: 100, reuse: false, timeoutMillis: 2500, maxMemoryPages: 512 },
    });
  });

  test('allows no larger pool than an engine has room for', () => {
    const config = loadConfig({ RIPTIDE_WASM_MAX_POOL_SIZE: '4096' });
    expect(new Engine({ ...config.engine, cache: false }).stats.slots).toBe(4096);
    const error = thrown(() => loadConfig({ RIPTIDE_WASM_MAX_POOL_SIZE: '4097' }));
    expect(error.message).toBe('RIPTIDE_WASM_MAX_POOL_SIZE is "4097"; allowed: a whole number from 1 to 4096');
  });

  test('turns the cache off, whatever its folder', () => {
    const env = { RIPTIDE_WASM_ENABLE_AOT_CACHE: 'false', RIPTIDE_WASM_CACHE_DIR: 'x' };
    expect(loadConfig(env).engine.cache).toBe(false);
  });

  test('counts 16 pages a megabyte', () => {
    expect(loadConfig({ RIPTIDE_WASM_MEMORY_LIMIT_MB: '4096' }).pool.maxMemoryPages).toBe(65_536);
  });

  test('starts no more instances than there may be', () => {
    expect(loadConfig({ RIPTIDE_WASM_MAX_POOL_SIZE: '1' }).pool).toMatchObject({ min: 1, max: 1 });
  });

  test('takes the lower of megabytes and pages, and warns where they disagree', async () => {
    const warnings = await warningsOf(() => {
      const lower = { RIPTIDE_WASM_MEMORY_LIMIT_MB: '64', RIPTIDE_WASM_MEMORY_LIMIT_PAGES: '4096' };
      expect(loadConfig(lower).pool.maxMemoryPages).toBe(1024);
      const higher = { RIPTIDE_WASM_MEMORY_LIMIT_MB: '64', RIPTIDE_WASM_MEMORY_LIMIT_PAGES: '10' };
      expect(loadConfig(higher).engine.maxMemoryPages).toBe(10);
    });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('RIPTIDE_WASM_MEMORY_LIMIT_MB=64');
    expect(warnings[0]).toContain('RIPTIDE_WASM_MEMORY_LIMIT_PAGES=4096');
    expect(warnings[0]).toContain('1024 pages');
  });

  test('does not warn where they agree', async () => {
    const env = { RIPTIDE_WASM_MEMORY_LIMIT_MB: '64', RIPTIDE_WASM_MEMORY_LIMIT_PAGES: '1024' };
    expect(await warningsOf(() => void loadConfig(env))).toEqual([]);
  });

  test('names a variable that is misspelt, once, with the nearest that is read', async () => {
    const long = `RIPTIDE_WASM_MAX_POOL_SIZE_${'X'.repeat(100_000)}`;
    const misspelt = {
      RIPTIDE_WASM_MAX_POOLSIZE: '4',
      RIPTIDE_WASM_MEMORY_LIMT_MB: '64',
      RIPTIDE_WASM_TIMEOUT_SECONDS: '5',
      riptide_wasm_cache_dir: 'x',
      RIPTIDE_WASM_CACHE_KEYFILE: 'x',
      RIPTIDE_WASM_ADON: 'x',
      RIPTIDE_WASM_SIMD: 'false',
      RIPTIDE_WASM_POOL_SIZE: '4',
      [long]: '4',
      RIPTIDE_WASM_UNSET: undefined,
      RIPTIDE_WASMTIME: 'x',
      RIPTIDE: 'x',
      PATH: 'x',
    };
    const warnings = await warningsOf(() => {
      expect(loadConfig(misspelt)).toEqual(loadConfig({}));
      loadConfig(misspelt);
    });
    const names = warnings.map((warning) =>
      /^(\w+) is not read; the nearest variable that is: (\w+)$/.exec(warning)?.slice(1),
    );
    expect(names).toEqual([
      ['RIPTIDE_WASM_MAX_POOLSIZE', 'RIPTIDE_WASM_MAX_POOL_SIZE'],
      ['RIPTIDE_WASM_MEMORY_LIMT_MB', 'RIPTIDE_WASM_MEMORY_LIMIT_MB'],
      ['RIPTIDE_WASM_TIMEOUT_SECONDS', 'RIPTIDE_WASM_TIMEOUT_SECS'],
      ['riptide_wasm_cache_dir', 'RIPTIDE_WASM_CACHE_DIR'],
      ['RIPTIDE_WASM_CACHE_KEYFILE', 'RIPTIDE_WASM_CACHE_KEY_FILE'],
      ['RIPTIDE_WASM_ADON', 'RIPTIDE_WASM_ADDON'],
      ['RIPTIDE_WASM_SIMD', 'RIPTIDE_WASM_ENABLE_SIMD'],
      ['RIPTIDE_WASM_POOL_SIZE', 'RIPTIDE_WASM_MAX_POOL_SIZE'],
      [long, 'RIPTIDE_WASM_MAX_POOL_SIZE'],
    ]);
  });

  test('names a variable that is like none without another', async () => {
    const names = ['X', 'PORT_X', 'ADD_ME', 'SERVER_URL', 'ENABLE_X', 'LOG_LEVEL', '', '_', 'Y'.repeat(90)];
    const unlike = names.map((name) => `RIPTIDE_WASM_${name}`);
    const warnings = await warningsOf(() => loadConfig(Object.fromEntries(unlike.map((name) => [name, '1']))));
    expect(warnings).toEqual(
      unlike.map((name) => `${name} is not read; docs/options.md lists those that are (Environment)`),
    );
    const options = readFileSync(new URL('../docs/options.md', import.meta.url), 'utf8');
    expect(options).toContain('\n## Environment\n');
  });

  test('names no variable that something reads, nor those that Kubernetes sets for a service', async () => {
    const root = new URL('../', import.meta.url);
    const texts = ['src-ts', 'crates/runtime/src', 'crates/node/src', 'cjs', 'docs', 'deploy']
      .flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && /\.(ts|cjs|rs|md|ya?ml)$|file$/.test(entry.name))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    texts.push(readFileSync(new URL('README.md', root), 'utf8'));
    const read = new Set(texts.flatMap((text) => text.match(/\bRIPTIDE_WASM_[A-Z_]*[A-Z]\b/g) ?? []));
    expect(read.size).toBeGreaterThanOrEqual(14);
    const kubernetes = [
      'SERVICE_HOST',
      'SERVICE_PORT',
      'SERVICE_PORT_HTTP',
      'PORT',
      'PORT_8080_TCP',
      'PORT_8080_TCP_ADDR',
      'METRICS_SERVICE_HOST',
      'METRICS_SERVICE_PORT',
      'METRICS_SERVICE_PORT_HTTP_METRICS',
      'METRICS_PORT_9090_TCP',
      'METRICS_PORT_9090_TCP_PROTO',
      'METRICS_PORT_53_UDP_PORT',
      'CACHE_2_PORT_9_SCTP_ADDR',
    ];
    for (const name of kubernetes) read.add(`RIPTIDE_WASM_${name}`);
    const address = 'tcp://10.0.0.1:9090';
    const warnings = await warningsOf(() => {
      // Some of the values are refused, after names are looked at.
      for (const name of read) expect(() => loadConfig({ [name]: '' })).not.toThrow(TypeError);
      loadConfig({ RIPTIDE_WASM_METRICS_PORT: address });
    });
    expect(warnings).toEqual([]);
  });

  test('names what is only like a variable of Kubernetes', async () => {
    const alike = {
      RIPTIDE_WASM_SERVER_PORT: '8080',
      RIPTIDE_WASM_MAX_POOL_SIZE_PORT: '8080',
      RIPTIDE_WASM_METRICS_PORT_HTTP: '8080',
      RIPTIDE_WASM_MAX_POOL_SERVICE: '4',
      RIPTIDE_WASM_CACHE_DIR_HOST: 'x',
      [`RIPTIDE_WASM_${'SERVICE_PORT_'.repeat(9_000)}X`]: '8080',
      riptide_wasm_metrics_service_host: 'x',
    };
    const warnings = await warningsOf(() => loadConfig(alike));
    expect(warnings.map((warning) => warning.split(' ')[0])).toEqual(Object.keys(alike));
  });

  test('is read by what is made from the environment, which warns as well', async () => {
    const env = { RIPTIDE_WASM_MAX_POOL_SZIE: '1' };
    const warning = /RiptideWarning: RIPTIDE_WASM_MAX_POOL_SZIE is not read; .*: RIPTIDE_WASM_MAX_POOL_SIZE\n/;
    const page = { input: '<p>The tide.', env };
    for (const args of [
      ['extract', '-'],
      ['cache', 'ls'],
      ['cache', 'key'],
    ])
      expect(await run('dist/cli/main.js', args, page)).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(warning),
      });
    const node = ['--input-type=module', '-e', 'await (await (await import(process.argv[1])).createServer()).close();'];
    const served = await run('dist/server/index.js', [], { node, env });
    expect(served).toMatchObject({ code: 0, stderr: expect.stringMatching(warning) });
  });

  const wholeNumbers = ['abc', '', '-1', '1.5', '1e3', '0x10', 'Infinity', '99999999999999999999'];
  const bad: Record<string, string[]> = {
    RIPTIDE_WASM_MAX_POOL_SIZE: [...wholeNumbers, '0', '4097'],
    RIPTIDE_WASM_INITIAL_POOL_SIZE: [...wholeNumbers, '9'],
    RIPTIDE_WASM_MEMORY_LIMIT_MB: [...wholeNumbers, '0', '4097'],
    RIPTIDE_WASM_MEMORY_LIMIT_PAGES: [...wholeNumbers, '0', '65537'],
    RIPTIDE_WASM_COLD_START_TARGET_MS: [...wholeNumbers, '0'],
    RIPTIDE_WASM_TIMEOUT_SECS: ['abc', '', '-1', '0', '0.0', '1e3', 'NaN', '2147484'],
    RIPTIDE_WASM_ENABLE_SIMD: ['yes', '1', '', 'tru'],
    RIPTIDE_WASM_ENABLE_AOT_CACHE: ['on'],
    RIPTIDE_WASM_ENABLE_REUSE: ['no'],
    RIPTIDE_WASM_ENABLE_METRICS: ['0'],
    RIPTIDE_WASM_CACHE_DIR: [''],
    RIPTIDE_WASM_CACHE_KEY_FILE: [''],
  };
  const cases = Object.entries(bad).flatMap(([name, values]) => values.map((value) => [name, value] as const));
  test.each(cases)('refuses %s=%j by name, value and what is allowed', (name, value) => {
    const error = thrown(() => loadConfig({ [name]: value }));
    expect(error).toBeInstanceOf(OptionError);
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.details).toEqual({ option: name, value, allowed: expect.stringMatching(/\w/) });
    expect(error.message).toContain(name);
    expect(error.message).toContain(JSON.stringify(value));
    expect(error.message).toContain((error.details as { allowed: string }).allowed);
  });

  test('refuses more instances at the start than at most', () => {
    const env = { RIPTIDE_WASM_INITIAL_POOL_SIZE: '5', RIPTIDE_WASM_MAX_POOL_SIZE: '4' };
    expect(thrown(() => loadConfig(env)).details).toMatchObject({
      option: 'RIPTIDE_WASM_INITIAL_POOL_SIZE',
      value: '5',
      allowed: expect.stringContaining('0 to 4'),
    });
  });
});
