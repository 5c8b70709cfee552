// The status of several processes in a real Redis, and what the command line shows of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type FleetStatus, publishStatus, readStatus } from '../dist/index.js';
import { RedisStatusStore } from '../dist/redis.js';
import { cleanEnvironment } from '../stress/shared/environment.mjs';
import { collectWarnings } from './cache-support.js';
import { connected, noRedis, type Redis, startRedis } from './redis-support.js';
import { ask, post, start, startServe } from './server-support.js';
import { eventually, failure, run } from './support.js';

const KEY = 'hive/memory/wasm-tracker';
const WORKER = fileURLToPath(new URL('fixtures/status-worker.mjs', import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly field: string;
  stderr(): string;
}

/** A process of the fleet, once it has published. */
async function publishing(socket: string, options: object = {}): Promise<Running> {
  const given = JSON.stringify({ socket, intervalMillis: 100, ...options });
  const child = spawn(process.execPath, [WORKER, given], { env: cleanEnvironment(), stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  await eventually(() => stdout.includes('\n') || child.exitCode !== null);
  expect([child.exitCode, stderr]).toEqual([null, '']);
  return { child, field: stdout.trim(), stderr: () => stderr };
}

/** Asks again until it holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 500; round++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`did not come to hold: ${holds}`);
}

const fieldsOf = ({ processes }: FleetStatus): string[] => processes.map(({ id }) => id).sort();

async function fleetOf({ client }: Redis, key?: string): Promise<FleetStatus> {
  return readStatus(new RedisStatusStore(client), key);
}

const untilFields = (redis: Redis, ...fields: string[]): Promise<void> =>
  until(async () => fieldsOf(await fleetOf(redis)).join() === [...fields].sort().join());

const cli = (args: string[], env: Record<string, string> = {}) => run('dist/cli/main.js', ['status', ...args], { env });

describe.skipIf(noRedis !== undefined)('the status of a fleet in Redis', () => {
  test('has a field for each process, under the key of the specification', async () => {
    const redis = await startRedis();
    const all = await Promise.all([1, 2, 3].map(() => publishing(redis.socket)));
    await untilFields(redis, ...all.map(({ field }) => field));
    const hash = await redis.client.hGetAll(KEY);
    expect(Object.keys(hash).sort()).toEqual(all.map(({ field }) => field).sort());
    await until(async () => (await fleetOf(redis)).processes.every(({ rates }) => rates.calls > 0));
    const { processes, unreadable } = await fleetOf(redis);
    expect(unreadable).toEqual({});
    expect(new Set(processes.map(({ pid }) => pid))).toEqual(new Set(all.map(({ child }) => child.pid)));
    for (const { pools } of processes) expect(pools.sevens?.calls.ok).toBeGreaterThan(0);
  });

  test('loses the field of a process that was killed, and of one that closed, and of no other', async () => {
    const redis = await startRedis();
    const [killed, closed, left] = await Promise.all([1, 2, 3].map(() => publishing(redis.socket)));
    if (!killed || !closed || !left) throw new Error('there are three');
    await untilFields(redis, killed.field, closed.field, left.field);
    killed.child.kill('SIGKILL');
    closed.child.stdin?.end();
    expect(await once(closed.child, 'exit')).toEqual([0, null]);
    expect(closed.stderr()).toBe('');
    expect(fieldsOf(await fleetOf(redis))).not.toContain(closed.field);
    await untilFields(redis, left.field);
    // Nobody has read: the one that is left has dropped it.
    expect(await redis.client.hKeys(KEY)).toEqual([left.field]);
  });

  test('is gone as a whole where the last process was killed, though nobody reads or writes', async () => {
    const redis = await startRedis();
    const { child } = await publishing(redis.socket);
    await until(async () => (await redis.client.keys('*')).length === 2);
    child.kill('SIGKILL');
    await until(async () => (await redis.client.keys('*')).length === 0);
  });

  test('drops a field by the time of its own, however long those beside it are kept', async () => {
    const redis = await startRedis();
    const store = new RedisStatusStore(redis.client);
    await store.set(KEY, 'long', 'l', 60_000);
    await store.set(KEY, 'short', 's', 100);
    expect(await redis.client.pTTL(KEY)).toBeGreaterThan(50_000);
    await until(async () => Object.keys(await store.all(KEY)).join() === 'long');
    expect(await redis.client.hKeys(KEY)).toEqual(['long']);
    await store.set(KEY, 'short', 's', 100);
    await until(async () => {
      await store.set(KEY, 'other', 'o', 60_000);
      return (await redis.client.hLen(KEY)) === 2;
    });
    await store.delete(KEY, 'long');
    await store.delete(KEY, 'never there');
    expect(await store.all(KEY)).toEqual({ other: 'o' });
    await store.delete(KEY, 'other');
    expect(await redis.client.keys('*')).toEqual([]);
  });

  test('keeps fleets apart by their keys, and says what another wrote under one', async () => {
    const redis = await startRedis();
    const store = new RedisStatusStore(redis.client);
    const one = publishStatus(store, { key: 'one' });
    const two = publishStatus(store, { key: '{fleet}:two' });
    onTestFinished(() => Promise.all([one.close(), two.close()]).then(() => {}));
    await until(async () => one.stats.written + two.stats.written >= 2);
    expect(fieldsOf(await fleetOf(redis, 'one'))).toEqual([one.field]);
    expect(fieldsOf(await fleetOf(redis, '{fleet}:two'))).toEqual([two.field]);
    expect((await redis.client.keys('*')).sort()).toEqual(['one', '{fleet}:two', '{fleet}:two:times', '{one}:times']);
    await redis.client.hSet('one', 'stranger', 'hello');
    expect((await fleetOf(redis, 'one')).unreadable).toEqual({ stranger: 'no JSON' });
    await redis.client.set('text', 'no hash');
    expect((await failure(fleetOf(redis, 'text'))).message).toContain('WRONGTYPE');
  });

  test('comes back after Redis was restarted, with one warning in each process', async () => {
    const redis = await startRedis();
    const all = await Promise.all([1, 2].map(() => publishing(redis.socket)));
    await untilFields(redis, ...all.map(({ field }) => field));
    await redis.stop();
    await eventually(() => all.every(({ stderr }) => stderr().includes('the status could not be published')));
    redis.restart();
    const look = { ...redis, client: await connected(redis.socket) };
    await untilFields(look, ...all.map(({ field }) => field));
    await until(async () => (await fleetOf(look)).processes.every(({ publishing }) => publishing.failed > 0));
    for (const { child, stderr } of all) {
      expect(child.exitCode).toBe(null);
      expect(stderr().match(/RiptideWarning/g)).toHaveLength(1);
    }
  });

  test('waits for a Redis that hangs with one command, and goes on when it does', async () => {
    const redis = await startRedis();
    const warnings = collectWarnings();
    const status = publishStatus(new RedisStatusStore(redis.client), { intervalMillis: 100 });
    onTestFinished(() => status.close());
    await eventually(() => status.stats.written > 0);
    redis.server().kill('SIGSTOP');
    await eventually(() => status.stats.late > 3);
    const { written } = status.stats;
    redis.server().kill('SIGCONT');
    await eventually(() => status.stats.written > written + 2);
    expect(status.stats.failed).toBe(0);
    expect(warnings).toEqual(['the status could not be published: the store takes longer than 100 ms']);
  });
});

describe.skipIf(noRedis !== undefined)('riptide-wasm status', () => {
  test('draws a table, a line for each process', async () => {
    const redis = await startRedis();
    const all = await Promise.all([1, 2].map(() => publishing(redis.socket, { ttlMillis: 60_000 })));
    await untilFields(redis, ...all.map(({ field }) => field));
    await redis.client.hSet(KEY, 'stra\x1bnger', '{}');
    const { code, stdout, stderr } = await cli(['--redis', redis.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^host +pid +version +up +MiB +RSS MiB +active +waiting +calls\/s +failed\/s +breaker/);
    const rows = lines.slice(2, 4).map((line) => line.split(/ {2,}/));
    expect(rows.map(([, pid]) => Number(pid)).sort()).toEqual(all.map(({ child }) => child.pid).sort());
    for (const row of rows) {
      expect(row.slice(2)).toEqual([
        expect.stringMatching(/^\d+\.\d+\.\d+$/),
        expect.stringMatching(/^\d+s$/),
        expect.stringMatching(/^\d+(\.\d)?$/),
        expect.stringMatching(/^\d+$/),
        expect.stringMatching(/^[012]\/2$/),
        '0',
        expect.stringMatching(/^\d+(\.\d)?$/),
        '0',
        '-',
        'on',
        'off',
        '-',
      ]);
    }
    expect(lines[4]).toMatch(/^2 processes, \d+(\.\d)? calls\/s, \d+(\.\d)? MiB under hive\/memory\/wasm-tracker$/);
    expect(lines.slice(5)).toEqual(['stra nger cannot be read: not as the schema says: schema']);
  });

  test('gives the same as JSON, of the key that is asked for', async () => {
    const redis = await startRedis();
    const { field } = await publishing(redis.socket, { key: 'tides', ttlMillis: 60_000 });
    const { code, stdout } = await cli(['--json', '--key', 'tides'], { RIPTIDE_WASM_STATUS_REDIS: redis.url });
    expect(code).toBe(0);
    const fleet: FleetStatus = JSON.parse(stdout);
    expect([fleet.key, fieldsOf(fleet), fleet.unreadable]).toEqual(['tides', [field], {}]);
    const none = await cli(['--redis', redis.url]);
    expect([none.code, none.stdout]).toEqual([0, `0 processes, 0 calls/s, 0 MiB under ${KEY}\n`]);
  });

  test('--watch goes on, also where Redis goes away and comes back', async () => {
    const redis = await startRedis();
    const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
    const watch = start([command, 'status', '--redis', redis.url, '--watch']);
    const count = (pattern: RegExp) => watch.lines().filter((line) => pattern.test(line)).length;
    await eventually(() => count(/^0 processes/) > 1);
    await redis.stop();
    await eventually(() => count(/^Redis does not answer: /) > 0);
    const before = count(/^0 processes/);
    redis.restart();
    await eventually(() => count(/^0 processes/) > before);
    const json = start([command, 'status', '--redis', redis.url, '--watch', '--json']);
    await eventually(() => json.lines().length > 1);
    for (const line of json.lines()) expect(JSON.parse(line)).toEqual({ key: KEY, processes: [], unreadable: {} });
    watch.kill('SIGINT');
    expect(await watch.ended).toEqual({ code: null, signal: 'SIGINT' });
    expect([watch.stderr(), json.stderr()]).toEqual(['', '']);
  });
});

describe('riptide-wasm status without a Redis', () => {
  test.each([
    [[], 2, '--redis URL is missing'],
    [['--redis', 'http://user:secret@localhost'], 2, '--redis is no URL of a Redis, such as redis://localhost:6379: '],
    [['--redis', 'nonsense'], 2, '--redis is no URL of a Redis'],
    [['--redis', 'redis://localhost', '--key', ''], 2, '--key is a key, not ""'],
    [['--redis', 'redis://localhost', '--all'], 2, '--all'],
    [['--redis', 'redis://user:secret@127.0.0.1:1'], 1, 'Redis does not answer: connect ECONNREFUSED 127.0.0.1:1'],
    [['--redis', 'redis://127.0.0.1:1', '--watch'], 1, 'Redis does not answer: connect ECONNREFUSED'],
    [['--redis', 'unix:///no/such/socket'], 1, 'Redis does not answer: connect ENOENT'],
  ])('%j is one line and exit code %i', async (args, code, said) => {
    const ended = await cli(args);
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(ended.stderr).toMatch(/^riptide-wasm: [^\n]+\n$/);
    expect(ended.stderr).toContain(said);
    expect(ended.stderr).not.toContain('secret');
  });

  test('names the variable that gave a bad URL', async () => {
    const { code, stderr } = await cli([], { RIPTIDE_WASM_STATUS_REDIS: 'nonsense' });
    expect(code).toBe(2);
    expect(stderr).toContain('RIPTIDE_WASM_STATUS_REDIS is no URL of a Redis');
  });
});

describe.skipIf(noRedis !== undefined)('riptide-wasm serve', () => {
  test('publishes its status while it is open', async () => {
    const redis = await startRedis();
    const server = await startServe('--status-redis', redis.url, '--status-key', 'servers');
    await until(async () => (await fleetOf(redis, 'servers')).processes.length === 1);
    expect((await post(server.port, '<title>Ebb</title><p>The water goes away.</p>')).status).toBe(200);
    await until(async () => (await fleetOf(redis, 'servers')).processes[0]?.pools.extractor?.calls.ok === 1);
    const [status] = (await fleetOf(redis, 'servers')).processes;
    expect(status).toMatchObject({
      pid: server.pid,
      engines: { default: { configuration: { simd: true } } },
      pools: { extractor: { engine: 'default', breaker: { state: 'closed' }, configuration: { maxQueue: 64 } } },
    });
    server.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toBe('');
    expect(await redis.client.keys('*')).toEqual([]);
  });

  test('serves without Redis, with one warning that says why, and publishes when it comes', async () => {
    const redis = await startRedis();
    await redis.stop();
    const server = await startServe('--status-redis', redis.url);
    await eventually(() => server.stderr().includes('RiptideWarning'));
    expect(server.stderr()).toMatch(/the status could not be published: connect E\w+ [^\n]*redis\.sock/);
    expect((await ask(server.port, { path: '/ready' })).status).toBe(200);
    redis.restart();
    const look = { ...redis, client: await connected(redis.socket) };
    await until(async () => (await fleetOf(look)).processes.length === 1);
    await redis.stop();
    server.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(server.stderr().match(/RiptideWarning/g)).toHaveLength(1);
  });

  test('refuses what is no URL', async () => {
    const { code, stdout, stderr } = await run('dist/cli/main.js', ['serve', '--status-redis', 'nonsense']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^riptide-wasm: --status-redis is no URL of a Redis[^\n]*\n$/);
  });
});
