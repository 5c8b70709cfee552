import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'redis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CacheOptions, Engine, Instance, OptionError, wat2wasm } from '../dist/index.js';
import { RedisCache, type RedisCacheOptions } from '../dist/redis.js';
import {
  artefactsIn,
  cli,
  collectWarnings,
  guestFile,
  loadAsNobody,
  loadElsewhere,
  lookOf,
  noOtherUser,
  numbered,
  ownHome,
  runAsNobody,
  warningsIn,
} from './cache-support.js';
import { type Client, noRedis, startRedis } from './redis-support.js';
import { run, temporaryFolder, thrown } from './support.js';

const COLD_START = '__test__/fixtures/cold-start.mjs';

describe('a developer’s machine', () => {
  test('needs nothing: the first start compiles and makes a key, the second has the code', async () => {
    const home = temporaryFolder();
    const env = { HOME: home, XDG_CACHE_HOME: '', XDG_CONFIG_HOME: '', XDG_DATA_HOME: '' };
    const cache = join(home, '.cache', 'riptide-wasm');
    const keyFile = join(home, '.config', 'riptide-wasm', 'cache.key');
    const start = async () => {
      const { code, stdout, stderr } = await run(COLD_START, [], { env });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return JSON.parse(stdout);
    };
    expect(await start()).toMatchObject({ title: 'Cold', misses: 1, hits: 0, cacheHit: false, directory: cache });
    expect(artefactsIn(cache)).toHaveLength(1);
    expect(artefactsIn(cache).map((file) => statSync(file).mode & 0o777)).toEqual([0o600]);
    const key = readFileSync(keyFile);
    expect(key).toHaveLength(32);
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    expect(statSync(cache).mode & 0o777).toBe(0o700);

    expect(await start()).toMatchObject({ title: 'Cold', misses: 0, diskHits: 1, cacheHit: true });
    expect(readFileSync(keyFile)).toEqual(key);
    expect(await cli(['cache', 'key'], { env })).toMatchObject({ code: 0, stdout: `${keyFile}\n` });
    expect((await cli(['cache', 'verify'], { env })).stdout).toBe('1 of 1 artefacts are genuine\n');
  });

  test('shares its cache among projects, but not with another user’s key', async () => {
    const [one, other] = [ownHome(), ownHome()];
    const file = guestFile(numbered(1));
    expect((await loadElsewhere([file], one)).cache).toMatchObject({ misses: 1 });
    expect((await loadElsewhere([file], one)).cache).toMatchObject({ diskHits: 1 });
    const { guests, cache } = await loadElsewhere([file], { ...other, XDG_CACHE_HOME: one.XDG_CACHE_HOME });
    expect(guests).toEqual([{ cacheHit: false, answer: 1 }]);
    expect(cache).toMatchObject({ misses: 1, rejected: { forged: 1 } });
  });
});

describe('a read-only image', () => {
  /** Made by root, as by a Dockerfile, and run by somebody who can change nothing in it. */
  async function image(trust: 'key' | 'owner', below = 'cache', root = temporaryFolder()) {
    chmodSync(root, 0o755);
    const cache = join(root, below);
    const build: Record<string, string> = ownHome();
    const env: Record<string, string> = { RIPTIDE_WASM_CACHE_DIR: cache };
    if (trust === 'key') {
      const keyFile = join(root, 'key');
      env.RIPTIDE_WASM_CACHE_KEY_FILE = build.RIPTIDE_WASM_CACHE_KEY_FILE = keyFile;
      await cli(['cache', 'key', '--out', keyFile], { env: build });
      chmodSync(keyFile, 0o444); // as whoever mounts it has to
    } else {
      env.RIPTIDE_WASM_CACHE_TRUST = 'owner';
    }
    const args = ['precompile', '--out', cache, '--cpu', 'baseline', '--trust', trust];
    expect(await cli(args, { env: build })).toMatchObject({ code: 0, stdout: `${cache}\n` });
    const foreign = join(root, 'foreign.wasm');
    writeFileSync(foreign, wat2wasm(numbered(3)));
    return { root, cache, env, foreign };
  }

  test.for([
    ['owner', 'cache'],
    ['key', 'cache'],
    ['owner', 'opt/made/cache'],
    ['key', 'opt/made/cache'],
  ] as const)(
    'starts without compiling and writes nothing, with trust: %s, from a folder %s',
    async ([trust, below], { skip }) => {
      skip(noOtherUser !== undefined, noOtherUser);
      const { root, env } = await image(trust, below);
      const before = lookOf(root);
      for (let start = 0; start < 2; start++) {
        const { code, stdout, stderr } = await runAsNobody(COLD_START, [], env);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        expect(JSON.parse(stdout)).toMatchObject({ title: 'Cold', misses: 0, diskHits: 1, cacheHit: true });
      }
      expect(lookOf(root)).toEqual(before);
    },
  );

  test.for(['owner', 'key'] as const)(
    'compiles what is not in it, with one warning and trust: %s',
    async (trust, { skip }) => {
      skip(noOtherUser !== undefined, noOtherUser);
      const { root, env, foreign } = await image(trust);
      const before = lookOf(root);
      const { guests, cache, warnings } = await loadAsNobody([foreign, foreign], env);
      expect(guests).toEqual([
        { cacheHit: false, answer: 3 },
        { cacheHit: true, answer: 3 },
      ]);
      expect(cache).toMatchObject({ misses: 1, memoryHits: 1, writeFailures: 1 });
      expect(warnings).toEqual([expect.stringContaining('the compile cache could not be written')]);
      expect(lookOf(root)).toEqual(before);
    },
  );

  test('starts from a file system that takes no writes, also for root', async ({ skip }) => {
    const root = temporaryFolder();
    const mounted = noOtherUser === undefined && mount('-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', root);
    skip(!mounted, 'no file system can be mounted here');
    onTestFinished(() => void spawnSync('umount', [root]));
    const { cache, env } = await image('owner', 'cache', root);
    // So long ago that the use would be noted.
    for (const file of artefactsIn(cache)) utimesSync(file, 1_000_000_000, 1_000_000_000);
    expect(mount('-o', 'remount,ro', root)).toBe(true);
    const before = lookOf(root);
    const { code, stdout, stderr } = await run(COLD_START, [], { env: { ...ownHome(), ...env } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ title: 'Cold', misses: 0, diskHits: 1 });
    expect(lookOf(root)).toEqual(before);
  });

  test('is not believed where others could have changed it', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    const { root, env } = await image('owner');
    chmodSync(root, 0o777);
    const { code, stdout, stderr } = await runAsNobody(COLD_START, [], env);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ title: 'Cold', misses: 1, hits: 0 });
    expect(warningsIn(stderr)).toEqual([expect.stringContaining(`${root} can be written by others`)]);
  });
});

/** Whether the system let us. */
const mount = (...args: string[]): boolean => spawnSync('mount', args).status === 0;

describe('a fleet', () => {
  /** A secret that machines share, or do not. */
  function keyFile(secret = 'a secret of all the machines'): string {
    const file = join(temporaryFolder(), 'key');
    writeFileSync(file, secret.padEnd(32, '.'), { mode: 0o600 });
    return file;
  }

  /** A machine within this process: a cache directory of its own has a memory tier of its own. */
  function machine(client: Client, key = keyFile(), options: RedisCacheOptions = {}): Engine {
    const shared = new RedisCache(client, options);
    return new Engine({ cache: { directory: temporaryFolder(), keyFile: key, shared } });
  }

  const guest = wat2wasm(numbered(9));

  async function works(engine: Engine, bytes = guest, answer = 9): Promise<void> {
    const instance = await Instance.create(await engine.load(bytes));
    onTestFinished(() => instance.close());
    expect(await instance.call('n')).toBe(answer);
  }

  /** How often a command was given to the server. */
  async function commands(client: Client, command: 'get' | 'set' | 'strlen'): Promise<number> {
    const statistics = await client.info('commandstats');
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(statistics)?.[1] ?? 0);
  }

  test('compiles once: the second machine has it from Redis, and then from its disk', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { socket, client } = await startRedis();
    const key = join(temporaryFolder(), 'key');
    await cli(['cache', 'key', '--out', key], { env: ownHome() });
    const [one, two] = [ownHome(), ownHome()].map((home) => ({ ...home, RIPTIDE_WASM_CACHE_KEY_FILE: key }));
    const file = guestFile(numbered(1));
    const start = async (env: Record<string, string> = {}) => {
      const { guests, cache, warnings } = await loadElsewhere([file], env, socket);
      expect({ answers: guests.map(({ answer }) => answer), warnings }).toEqual({ answers: [1], warnings: [] });
      return cache;
    };
    expect(await start(one)).toMatchObject({ misses: 1, hits: 0, sharedHits: 0, sharedFailures: 0 });
    const [name, ...others] = await client.keys('*');
    expect(others).toEqual([]);
    expect(name).toMatch(/^riptide-wasm:[0-9a-f]{64}\/[0-9a-f]{64}_\d+$/);
    expect(await client.ttl(name as string)).toBeGreaterThan(0);

    expect(await start(two)).toMatchObject({ misses: 0, sharedHits: 1, diskHits: 0, sharedFailures: 0 });
    expect(await start(two)).toMatchObject({ misses: 0, sharedHits: 0, diskHits: 1 });
    expect(await start(one)).toMatchObject({ misses: 0, sharedHits: 0, diskHits: 1 });
    expect(await commands(client, 'set')).toBe(1);
    expect([await commands(client, 'strlen'), await commands(client, 'get')]).toEqual([2, 1]);
  });

  test('asks Redis once for twenty loads at once', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { client } = await startRedis();
    const key = keyFile();
    const [one, two] = [machine(client, key), machine(client, key)];
    for (const engine of [one, two]) await Promise.all(Array.from({ length: 20 }, () => engine.load(guest)));
    expect(one.cache.snapshot()).toMatchObject({ misses: 1, sharedHits: 0, memoryHits: 19 });
    expect(two.cache.snapshot()).toMatchObject({ misses: 0, sharedHits: 1, memoryHits: 19, load: { count: 1 } });
    expect(two.stats).toMatchObject({ cacheHits: 20, cacheMisses: 0, sharedHits: 1 });
    expect([await commands(client, 'strlen'), await commands(client, 'set')]).toEqual([2, 1]);
  });

  test('shares components and what a precompile made', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { client } = await startRedis();
    const key = keyFile();
    const [one, two] = [machine(client, key), machine(client, key)];
    const sources = ['(component)', '(component (core module (func)))', '(module)'].map((text) => wat2wasm(text));
    expect((await one.precompile(sources)).map(({ cacheHit }) => cacheHit)).toEqual([false, false, false]);
    expect((await two.precompile(sources)).map(({ cacheHit }) => cacheHit)).toEqual([true, true, true]);
    expect(two.cache.snapshot()).toMatchObject({ misses: 0, sharedHits: 3 });
  });

  test('believes nothing that was made with another key, and puts its own in its place', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { client } = await startRedis();
    await works(machine(client));
    const [name] = (await client.keys('*')) as [string];
    const before = await client.get(name);
    const key = keyFile('a secret of other machines');
    const stranger = machine(client, key);
    await works(stranger);
    expect(stranger.cache.snapshot()).toMatchObject({ misses: 1, sharedHits: 0, rejected: { forged: 1 } });
    expect(await client.keys('*')).toEqual([name]);
    expect(await client.get(name)).not.toBe(before);
    const friend = machine(client, key);
    await works(friend);
    expect(friend.cache.snapshot()).toMatchObject({ misses: 0, sharedHits: 1 });
  });

  const changes: [string, (blob: Buffer) => Uint8Array | string, string][] = [
    [
      'one bit of which changed',
      (blob) => blob.fill((blob.at(-1000) ?? 0) ^ 1, blob.length - 1000, blob.length - 999),
      'forged',
    ],
    ['whose seal changed', (blob) => blob.fill((blob.at(20) ?? 0) ^ 1, 20, 21), 'forged'],
    ['that was cut short', (blob) => blob.subarray(0, blob.length / 2), 'forged'],
    ['that is too short for a seal', (blob) => blob.subarray(0, 20), 'malformed'],
    ['that is something else', () => 'a session, under the wrong name, of more bytes than a seal has', 'malformed'],
  ];
  test.for(changes)('compiles instead of running a blob %s', async ([_, change, reason], { skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { client } = await startRedis();
    const key = keyFile();
    await works(machine(client, key));
    const [name] = (await client.keys('*')) as [string];
    const blob = Buffer.from((await new RedisCache(client).get(name.slice('riptide-wasm:'.length))) as Uint8Array);
    const changed = change(blob);
    await client.set(name, typeof changed === 'string' ? changed : Buffer.from(changed));
    const engine = machine(client, key);
    await works(engine);
    expect(engine.cache.snapshot()).toMatchObject({
      misses: 1,
      sharedHits: 0,
      sharedFailures: 0,
      rejected: { [reason]: 1 },
    });
    // It is right again.
    const next = machine(client, key);
    await works(next);
    expect(next.cache.snapshot()).toMatchObject({ misses: 0, sharedHits: 1 });
  });

  test('does not fetch what is too large for an artefact', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { client } = await startRedis();
    const key = keyFile();
    await works(machine(client, key));
    const [name] = (await client.keys('*')) as [string];
    await client.setRange(name, 100 * 1024 ** 2, 'x');
    const engine = machine(client, key);
    await works(engine);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 1, sharedHits: 0, sharedFailures: 1 });
    expect(await commands(client, 'get')).toBe(0);
  });

  test('does not take a guest’s blob for another’s', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { client } = await startRedis();
    const key = keyFile();
    const other = wat2wasm(numbered(8));
    for (const [bytes, answer] of [
      [guest, 9],
      [other, 8],
    ] as const)
      await works(machine(client, key), bytes, answer);
    const [one, two] = (await client.keys('*')) as [string, string];
    await client.copy(one, two, { REPLACE: true });
    const engine = machine(client, key);
    await works(engine, guest, 9);
    await works(engine, other, 8);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 1, sharedHits: 1, rejected: { forged: 1 } });
  });

  test('goes on without Redis, with one warning, and asks it once', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { socket, stop } = await startRedis();
    const client = await createClient({ socket: { path: socket, tls: false }, disableOfflineQueue: true })
      .on('error', () => {})
      .connect();
    onTestFinished(() => client.destroy());
    await stop();
    const warnings = collectWarnings();
    const engine = machine(client as Client);
    await works(engine);
    await works(engine, wat2wasm(numbered(8)), 8);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 2, sharedHits: 0, sharedFailures: 1, writeFailures: 0 });
    await new Promise(setImmediate);
    expect(warnings).toEqual([expect.stringContaining('the shared cache of compiled code could not be read')]);
  });

  test('does not wait for a Redis that hangs, with one warning', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { server: running, client } = await startRedis();
    const warnings = collectWarnings();
    const engine = machine(client);
    const server = running();
    server.kill('SIGSTOP');
    await works(engine);
    await works(engine);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 1, memoryHits: 1, sharedFailures: 1 });
    await new Promise(setImmediate);
    expect(warnings).toEqual([expect.stringMatching(/shared cache .* could not be read: no answer within/)]);
    server.kill('SIGCONT');
    const next = machine(client);
    await works(next, wat2wasm(numbered(8)), 8);
    expect(next.cache.snapshot()).toMatchObject({ misses: 1, sharedFailures: 0 });
  });

  test('names and keeps its blobs in Redis as it is told', async ({ skip }) => {
    skip(noRedis !== undefined, noRedis);
    const { client } = await startRedis();
    const key = keyFile();
    await works(machine(client, key, { prefix: 'app:code:', ttlSeconds: 1000 }));
    const [name] = (await client.keys('*')) as [string];
    expect(name).toMatch(/^app:code:[0-9a-f]{64}\//);
    const left = await client.ttl(name);
    expect(left > 0 && left <= 1000).toBe(true);
    const apart = machine(client, key);
    await works(apart);
    expect(apart.cache.snapshot()).toMatchObject({ misses: 1, sharedHits: 0 });
  });

  const shared = { get: async () => undefined, put: async () => {} };
  const options: [string, () => unknown, string][] = [
    ['no key', () => ({ shared }), 'cache.keyFile'],
    ['owner trust', () => ({ shared, trust: 'owner' }), 'cache.trust'],
    ['owner trust and a key', () => ({ shared, trust: 'owner', keyFile: keyFile() }), 'cache.trust'],
    ['no put', () => ({ shared: { get: shared.get }, keyFile: keyFile() }), 'cache.shared'],
    ['no object', () => ({ shared: 'redis://localhost', keyFile: keyFile() }), 'cache.shared'],
  ];
  test.each(options)('with %s is ERR_BAD_OPTION', (_, cache, option) => {
    const error = thrown(() => new Engine({ cache: cache() as CacheOptions }));
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option } });
  });
});
