import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Engine, type PrecompileProgress, wat2wasm } from '../dist/index.js';
import { artefactsIn, cli, guestFile, loadElsewhere, numbered, ownHome } from './cache-support.js';
import { failure, run, temporaryFolder, turnsDuring } from './support.js';

const COMPONENT = '(component)';

/** An engine with a cache of its own, in a folder that others can be given. */
function cached(directory = temporaryFolder()): { engine: Engine; directory: string } {
  return { engine: new Engine({ cache: { directory } }), directory };
}

describe('engine.precompile', () => {
  test('goes through paths, URLs and bytes in their order, and tells each', async () => {
    const { engine } = cached();
    const sources = [guestFile(numbered(1)), pathToFileURL(guestFile(COMPONENT)), wat2wasm(numbered(3))];
    const told: PrecompileProgress[] = [];
    const precompiling = engine.precompile(sources, { onProgress: (progress) => told.push(progress) });
    expect(await turnsDuring(precompiling)).toBeGreaterThan(0);
    const common = { total: 3, cacheHit: false, millis: expect.any(Number), error: undefined };
    expect(told).toEqual([
      { ...common, source: sources[0], index: 0, done: 1, kind: 'module' },
      { ...common, source: sources[1], index: 1, done: 2, kind: 'component' },
      { ...common, source: sources[2], index: 2, done: 3, kind: 'module' },
    ]);
    expect(told.every(({ millis }) => millis > 0)).toBe(true);
    expect(await precompiling).toEqual(told);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 3, hits: 0 });
  });

  test('finds the second time what it left the first time, in memory and on the disk', async () => {
    const { engine, directory } = cached();
    const sources = [1, 2, 3].map((number) => wat2wasm(numbered(number)));
    const hits = async (of: Engine) => (await of.precompile(sources)).map(({ cacheHit }) => cacheHit);
    expect(await hits(engine)).toEqual([false, false, false]);
    expect(await hits(engine)).toEqual([true, true, true]);
    // Other limits, which do not change the code: an engine with a memory tier of its own.
    const other = new Engine({ cache: { directory, maxEntries: 999 } });
    expect(await hits(other)).toEqual([true, true, true]);
    expect(other.cache.snapshot()).toMatchObject({ misses: 0, diskHits: 3 });
    expect((await other.load(sources[0] as Uint8Array)).cacheHit).toBe(true);
  });

  test('with one that fails loads the others, and rejects with its error', async () => {
    const { engine } = cached();
    const missing = join(temporaryFolder(), 'missing.wasm');
    const bad = Buffer.from('<p>no WebAssembly');
    const sources = [wat2wasm(numbered(1)), missing, bad, 17 as never, wat2wasm(numbered(2))];
    const told: PrecompileProgress[] = [];
    const error = await failure(engine.precompile(sources, { onProgress: (progress) => told.push(progress) }));
    expect(error).toMatchObject({ code: 'ERR_READ', details: { path: missing } });
    expect(told.map(({ done, kind }) => [done, kind])).toEqual([
      [1, 'module'],
      [2, undefined],
      [3, undefined],
      [4, undefined],
      [5, 'module'],
    ]);
    const codes = told.map(({ error }) => (error as { code?: string } | undefined)?.code);
    expect(codes).toEqual([undefined, 'ERR_READ', 'ERR_COMPILE', 'ERR_BAD_ARGUMENT', undefined]);
    expect(told[1]?.error).toBe(error);
    for (const number of [1, 2]) expect((await engine.load(wat2wasm(numbered(number)))).cacheHit).toBe(true);
  });

  test('ends with its signal, after the one that is being compiled', async () => {
    const { engine } = cached();
    const sources = [1, 2, 3].map((number) => wat2wasm(numbered(number)));
    const controller = new AbortController();
    const reason = new Error('the service ends');
    const done: number[] = [];
    const precompiling = engine.precompile(sources, {
      signal: controller.signal,
      onProgress: (progress) => {
        done.push(progress.done);
        if (progress.done === 2) controller.abort(reason);
      },
    });
    expect(await failure(precompiling)).toBe(reason);
    expect(done).toEqual([1, 2]);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 2 });
    expect(await failure(engine.precompile(sources, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 2, hits: 0 });
  });

  test('of nothing gives nothing', async () => {
    expect(await cached().engine.precompile([])).toEqual([]);
  });

  test.each([
    ['an unknown option', { parallel: 4 }, 'parallel'],
    ['an onProgress that is no function', { onProgress: 'log' }, 'onProgress'],
    ['a signal that is none', { signal: {} }, 'signal'],
  ])('rejects %s', async (_, options, option) => {
    const error = await failure(cached().engine.precompile([], options as never));
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option } });
  });

  test('rejects sources that are no array', async () => {
    const error = await failure(cached().engine.precompile('guest.wasm' as never));
    expect(error).toMatchObject({ code: 'ERR_BAD_ARGUMENT', details: { path: 'sources' } });
  });

  test('works without a cache, where it warms nothing', async () => {
    const engine = new Engine({ cache: false });
    expect(await engine.precompile([wat2wasm(numbered(1))])).toMatchObject([{ kind: 'module', cacheHit: false }]);
  });
});

describe('riptide-wasm precompile', () => {
  test('leaves artefacts where it is told to, names each file, and finds them the next time', async () => {
    const env = ownHome();
    const out = join(temporaryFolder(), 'made', 'here');
    const files = [guestFile(numbered(1)), guestFile(COMPONENT)];
    const first = await cli(['precompile', ...files, '--out', out], { env });
    expect(first).toMatchObject({ code: 0, stdout: `${out}\n` });
    expect(first.stderr).toMatch(
      /^1\/2 guest\.wasm: module, compiled \(\d+ ms\)\n2\/2 guest\.wasm: component, compiled/,
    );
    expect(artefactsIn(out)).toHaveLength(2);
    const second = await cli(['precompile', '--out', out, ...files], { env });
    expect(second.stderr.match(/there already/g)).toHaveLength(2);
    expect(existsSync(env.XDG_CACHE_HOME)).toBe(false);
  });

  test('takes the shipped extractor and the cache of the environment where it is told nothing', async () => {
    const directory = temporaryFolder();
    const env = { ...ownHome(), RIPTIDE_WASM_CACHE_DIR: directory };
    const { code, stdout, stderr } = await cli(['precompile'], { env });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${directory}\n` });
    expect(stderr).toMatch(/^1\/1 .*\.wasm: component, compiled/);
    const started = JSON.parse((await run('__test__/fixtures/cold-start.mjs', [], { env })).stdout);
    expect(started).toMatchObject({ title: 'Cold', cacheHit: true, diskHits: 1, misses: 0 });
  });

  test('for every processor makes what engines for their own use', async () => {
    const env = { ...ownHome(), RIPTIDE_WASM_CACHE_DIR: temporaryFolder() };
    const file = guestFile(numbered(7));
    expect(await cli(['precompile', '--cpu', 'baseline', file], { env })).toMatchObject({ code: 0 });
    const native = await loadElsewhere([file], env);
    expect(native).toMatchObject({ guests: [{ cacheHit: true, answer: 7 }], cache: { diskHits: 1, misses: 0 } });
    // Not so the reverse.
    const other = guestFile(numbered(8));
    await loadElsewhere([other], env);
    const { stderr } = await cli(['precompile', '--cpu', 'baseline', file, other], { env });
    expect(stderr).toMatch(/1\/2 guest\.wasm: module, there already .*\n2\/2 guest\.wasm: module, compiled/);
  });

  test('is for a trust of its own', async () => {
    const env = { ...ownHome(), RIPTIDE_WASM_CACHE_DIR: temporaryFolder() };
    const file = guestFile(numbered(1));
    await cli(['precompile', '--trust', 'owner', file], { env });
    expect(existsSync(env.XDG_CONFIG_HOME)).toBe(false); // no key was needed
    const owner = { ...env, RIPTIDE_WASM_CACHE_TRUST: 'owner' };
    expect((await loadElsewhere([file], owner)).cache).toMatchObject({ diskHits: 1 });
    expect((await loadElsewhere([file], env)).cache).toMatchObject({ diskHits: 0, misses: 1 });
  });

  test('with a file that fails keeps the others, and ends with exit code 1', async () => {
    const env = { ...ownHome(), RIPTIDE_WASM_CACHE_DIR: temporaryFolder() };
    const [first, last] = [guestFile(numbered(1)), guestFile(numbered(2))];
    const bad = join(temporaryFolder(), 'bad.wasm');
    writeFileSync(bad, 'no WebAssembly');
    const { code, stdout, stderr } = await cli(['precompile', first, bad, last], { env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^1\/3 guest\.wasm: module, compiled/),
      expect.stringMatching(/^2\/3 bad\.wasm: ERR_COMPILE: /),
      expect.stringMatching(/^3\/3 guest\.wasm: module, compiled/),
      expect.stringMatching(/^riptide-wasm: ERR_COMPILE: /),
    ]);
    expect(artefactsIn(env.RIPTIDE_WASM_CACHE_DIR)).toHaveLength(2);
  });

  test.each([
    ['below a file', () => ['--out', join(guestFile(numbered(1)), 'below')], {}],
    [
      'where no key can be made',
      () => ['--out', temporaryFolder()],
      { HOME: '/dev/null', XDG_CONFIG_HOME: '/dev/null' },
    ],
    ['with owner trust, where others can write', () => ['--out', openToAll(), '--trust', 'owner'], {}],
  ])('that can keep nothing %s ends with exit code 1', async (_, args, env) => {
    const { code, stdout, stderr } = await cli(['precompile', guestFile(numbered(1)), ...args()], {
      env: { ...ownHome(), ...env },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^riptide-wasm: .+$/m);
  });

  test('keeps to the directory of the environment where that turns the cache off', async () => {
    const directory = temporaryFolder();
    const env = { ...ownHome(), RIPTIDE_WASM_CACHE_DIR: directory, RIPTIDE_WASM_ENABLE_AOT_CACHE: 'false' };
    expect((await cli(['precompile', guestFile(numbered(1))], { env })).stdout).toBe(`${directory}\n`);
  });
});

function openToAll(): string {
  const folder = join(temporaryFolder(), 'open');
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  return folder;
}

describe('riptide-wasm cache', () => {
  /** A cache with these guests in it, which were last used in this order, the first a day ago. */
  async function filled(...guests: string[]) {
    const home = ownHome();
    const directory = temporaryFolder();
    const env = { ...home, RIPTIDE_WASM_CACHE_DIR: directory };
    const files = guests.map(guestFile);
    await cli(['precompile', ...files], { env });
    const artefacts = files.map((file) => {
      const { size } = statSync(file);
      return artefactsIn(directory).filter((artefact) => artefact.endsWith(`_${size}`))[0] as string;
    });
    for (const [index, artefact] of artefacts.entries()) {
      const used = Date.now() / 1000 - 86_400 + 3600 * index;
      utimesSync(artefact, used, used);
    }
    return { env, directory, artefacts, cache: (...args: string[]) => cli(['cache', ...args], { env }) };
  }

  /** Of different sizes, so that their artefacts can be told apart. */
  const guests = ['(module)', '(module (func))', '(module (func) (func))'];

  test('ls shows what there is, the most recently used first', async () => {
    const { cache, artefacts } = await filled(...guests);
    const bytes = artefacts.map((artefact) => statSync(artefact).size);
    const { code, stdout, stderr } = await cache('ls');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [head, , ...rows] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^module +wasm bytes +bytes +last used +for *$/);
    expect(rows.pop()).toBe(`3 artefacts, ${bytes.reduce((sum, each) => sum + each)} bytes`);
    const expected = artefacts.map((artefact, index) => {
      const [, hash, size] = /([0-9a-f]{16})[0-9a-f]{48}_(\d+)$/.exec(artefact) ?? [];
      return expect.stringMatching(new RegExp(`^${hash} +${size} +${bytes[index]} +\\d{4}-.*Z +this machine *$`));
    });
    expect(rows).toEqual(expected.reverse());
  });

  test('ls tells artefacts of other engines by their folder, and an empty cache', async () => {
    const { env, cache, directory } = await filled('(module)');
    await cli(['precompile', guestFile('(module)')], { env: { ...env, RIPTIDE_WASM_ENABLE_SIMD: 'false' } });
    const folders = artefactsIn(directory).map((artefact) => artefact.split('/').at(-2) as string);
    const { stdout } = await cache('ls');
    expect(stdout.match(/this machine/g)).toHaveLength(1);
    expect(folders.filter((folder) => stdout.includes(folder.slice(0, 16)))).toHaveLength(1);
    expect((await cache('ls', '--dir', temporaryFolder())).stdout).toBe('0 artefacts, 0 bytes\n');
    expect((await cache('ls', '--dir', join(temporaryFolder(), 'missing'))).stdout).toBe('0 artefacts, 0 bytes\n');
  });

  test('verify is content with what is genuine', async () => {
    const { cache, env } = await filled(...guests);
    await cli(['precompile', '--cpu', 'baseline', guestFile('(component)')], { env });
    expect(await cache('verify')).toEqual({ code: 0, stderr: '', stdout: '4 of 4 artefacts are genuine\n' });
  });

  test('verify names what is not, with the reason, and ends with exit code 1', async () => {
    const { cache, artefacts, directory } = await filled(...guests);
    const [forged, cut] = artefacts as [string, string];
    const bytes = readFileSync(forged);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 100) ^ 1, bytes.length - 100);
    writeFileSync(forged, bytes);
    writeFileSync(cut, readFileSync(cut).subarray(0, 10));
    const { code, stdout, stderr } = await cache('verify');
    expect(code).toBe(1);
    const named = (artefact: string) => artefact.slice(directory.length + 1);
    expect(stdout.trimEnd().split('\n').sort()).toEqual(
      [`${named(forged)}: forged`, `${named(cut)}: malformed`, '1 of 3 artefacts are genuine'].sort(),
    );
    expect(stderr).toBe('riptide-wasm: 2 would not be used; each costs a compile\n');
  });

  test('verify trusts no other key', async () => {
    const { cache, env } = await filled('(module)');
    const keyFile = join(temporaryFolder(), 'key');
    expect(await cache('key', '--out', keyFile)).toEqual({ code: 0, stderr: '', stdout: `${keyFile}\n` });
    const other = await cli(['cache', 'verify'], { env: { ...env, RIPTIDE_WASM_CACHE_KEY_FILE: keyFile } });
    expect(other).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^[0-9a-f]{64}\/[0-9a-f]{64}_8: forged\n0 of 1/),
    });
  });

  test('prune removes what the limits do not allow, the least recently used first', async () => {
    const { cache, artefacts } = await filled(...guests);
    const [first, second, third] = artefacts as [string, string, string];
    const bytes = artefacts.map((artefact) => statSync(artefact).size) as [number, number, number];
    expect(await cache('prune')).toEqual({ code: 0, stderr: '', stdout: '0 artefacts removed, 0 bytes\n' });
    expect((await cache('prune', '--max-entries', '2')).stdout).toBe(`1 artefacts removed, ${bytes[0]} bytes\n`);
    expect([first, second, third].map(existsSync)).toEqual([false, true, true]);
    const most = String(bytes[1] + bytes[2] - 1);
    expect((await cache('prune', '--max-bytes', most)).stdout).toBe(`1 artefacts removed, ${bytes[1]} bytes\n`);
    expect([second, third].map(existsSync)).toEqual([false, true]);
    const longAgo = Date.now() / 1000 - 3 * 86_400;
    utimesSync(third, longAgo, longAgo);
    expect((await cache('prune', '--max-age-days', '4')).stdout).toMatch(/^0 artefacts/);
    expect((await cache('prune', '--max-age-days', '2')).stdout).toBe(`1 artefacts removed, ${bytes[2]} bytes\n`);
  });

  test('clear removes all, of every engine, and leaves the key', async () => {
    const { cache, env, directory } = await filled(...guests);
    await cli(['precompile', '--cpu', 'baseline', guestFile('(module)')], { env });
    expect((await cache('clear')).stdout).toMatch(/^4 artefacts removed, \d+ bytes\n$/);
    expect(artefactsIn(directory)).toEqual([]);
    expect((await cache('clear', '--dir', join(directory, 'missing'))).stdout).toMatch(/^0 artefacts removed/);
    expect(statSync(join(env.XDG_CONFIG_HOME, 'riptide-wasm', 'cache.key')).size).toBe(32);
  });

  test('key says where this user’s is, and makes it where there is none', async () => {
    const env = ownHome();
    const { code, stdout, stderr } = await cli(['cache', 'key'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`${join(env.XDG_CONFIG_HOME, 'riptide-wasm', 'cache.key')}\n`);
    const made = readFileSync(stdout.trimEnd());
    expect(made).toHaveLength(32);
    expect(statSync(stdout.trimEnd()).mode & 0o777).toBe(0o600);
    expect((await cli(['cache', 'key'], { env })).stdout).toBe(stdout);
    expect(readFileSync(stdout.trimEnd())).toEqual(made);
    const configured = await cli(['cache', 'key'], { env: { ...env, RIPTIDE_WASM_CACHE_KEY_FILE: '/run/key' } });
    expect(configured.stdout).toBe('/run/key\n');
  });

  test('key makes a new one for several machines, over no file', async () => {
    const keyFile = join(temporaryFolder(), 'key');
    await cli(['cache', 'key', '--out', keyFile], { env: ownHome() });
    const key = readFileSync(keyFile);
    expect(key).toHaveLength(32);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    const { code, stderr } = await cli(['cache', 'key', '--out', keyFile], { env: ownHome() });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^riptide-wasm: [^\n]*key: [^\n]*exist[^\n]*\n$/);
    expect(readFileSync(keyFile)).toEqual(key);
  });

  test('ends a directory that cannot be used with exit code 1 and one line', async () => {
    const below = join(guestFile('(module)'), 'below');
    for (const command of ['ls', 'verify', 'prune', 'clear']) {
      const { code, stdout, stderr } = await cli(['cache', command, '--dir', below], { env: ownHome() });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^riptide-wasm: ERR_READ: [^\n]*below[^\n]*\n$/);
    }
  });
});

describe('riptide-wasm', () => {
  test.each([
    [['precompile', '--cpu', 'fastest']],
    [['precompile', '--trust', 'nobody']],
    [['precompile', '--out']],
    [['precompile', '--jobs', '4']],
    [['cache']],
    [['cache', 'fly']],
    [['cache', 'ls', 'more']],
    [['cache', 'verify', '--trust', 'nobody']],
    [['cache', 'clear', '--max-bytes', '1']],
    [['cache', 'prune', '--max-bytes', '-1']],
    [['cache', 'prune', '--max-entries', 'many']],
    [['cache', 'prune', '--max-entries', '1000001']],
    [['cache', 'prune', '--max-age-days', '0']],
    [['cache', 'key', 'more']],
  ])('ends %j with exit code 2 and one line', async (args) => {
    const { code, stdout, stderr } = await cli(args, { env: ownHome() });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^riptide-wasm: [^\n]+\n$/);
  });

  test.each([[['precompile', '--help']], [['cache', '--help']], [['cache', 'prune', '--help']]])(
    'explains %j',
    async (args) => {
      const { code, stdout } = await cli(args);
      expect(code).toBe(0);
      expect(stdout.startsWith(`riptide-wasm ${args[0]} `)).toBe(true);
    },
  );
});
