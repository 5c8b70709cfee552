import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, ExitError, Instance, Pool, type PoolOptions, type RiptideError } from '../dist/index.js';
import { eventually, failure, loadWat, noPagesLeft, poolOf, thrown } from './support.js';

const engine = new Engine({ cache: false });
const wasi = { maxOutputBytes: 100 };

/** Writes "out" and "err", then exits; `inStart`: before anybody calls it. */
const exiting = (more = '') => `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\03\\00\\00\\00\\13\\00\\00\\00\\03\\00\\00\\00outerr")
  (func $say
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
    (drop (call $write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 64))))
  (func $end (export "end") (param i32) (call $say) (call $exit (local.get 0)))
  (func (export "number") (param i32) (result i32) (call $end (local.get 0)) (i32.const 7))
  (func (export "seven") (result i32) (i32.const 7))
  (func (export "nothing"))
  (func (export "trap") (call $say) unreachable)
  ${more})`;

const RUNS_IN_START = (status: number) => exiting(`(func $main (call $end (i32.const ${status}))) (start $main)`);
const RUNS_IN_INITIALIZE = (status: number) =>
  exiting(`(func (export "_initialize") (call $end (i32.const ${status})))`);

/** A component whose `run` exits by WASI 0.2. */
const component = (exit: string, type: string, status: number, result = '(result (result))') => `(component
  (import "wasi:cli/exit@0.2.0" (instance $e (export "${exit}" (func (param "${exit === 'exit' ? 'status' : 'status-code'}" ${type})))))
  (core func $exit (canon lower (func $e "${exit}")))
  (core module $m
    (import "host" "exit" (func $exit (param i32)))
    (func (export "run") (result i32) (call $exit (i32.const ${status})) (i32.const 1)))
  (core instance $i (instantiate $m (with "host" (instance (export "exit" (func $exit))))))
  (func $run ${result} (canon lift (core func $i "run")))
  (instance $r (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $r)))`;

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const output = { stdout: 'out', stderr: 'err', stdoutBytes: bytes('out'), stderrBytes: bytes('err') };

function exits(error: unknown, status: number, told: object = output): void {
  expect(error).toBeInstanceOf(ExitError);
  expect(error).toMatchObject({ name: 'ExitError', code: 'ERR_EXIT', details: { status, ...told } });
  expect(Object.keys((error as RiptideError).details).sort()).toEqual(
    ['status', 'stderr', 'stderrBytes', 'stdout', 'stdoutBytes'].sort(),
  );
}

describe.each([
  ['fresh instances', { reuse: false }],
  ['reused instances', { reuse: true }],
])('a pool with %s', (_, options) => {
  const open = (text: string, more: PoolOptions = {}) => poolOf(engine, text, { max: 1, wasi, ...options, ...more });

  test('takes status 0 for a good end, with its output, as often as it comes', async () => {
    const pool = await open(exiting(), { breaker: { volumeThreshold: 2 } });
    for (let call = 0; call < 4; call++) {
      const { value, stats } = await pool.callWithStats('end', [0]);
      expect(value).toBeUndefined();
      expect(stats).toMatchObject({ ...output, pagesBefore: 1, pagesAfter: 1, peakPages: 1 });
      expect(stats.cpuMillis).toBeGreaterThan(0);
    }
    expect(await pool.exports<{ end(status: number): void }>().end(0)).toBeUndefined();
    expect(await pool.call('seven')).toBe(7);
    const { exited, failed } = pool.stats.destroyedBy;
    expect({ exited, failed }).toEqual({ exited: 5, failed: 0 });
    expect(pool.stats).toMatchObject({ completed: 6, failed: 0 });
    expect(pool.stats.outcomes).toMatchObject({ ok: 6, guest_error: 0, trap: 0 });
    expect(pool.stats.breaker).toMatchObject({ state: 'closed', successes: 6, failures: 0 });
  });

  test.each([1, 7, 125, 126, 255, 4_294_967_295])('takes status %i for an error of the guest', async (status) => {
    const pool = await open(exiting(), { breaker: { volumeThreshold: 2 } });
    for (let call = 0; call < 4; call++) {
      exits(await failure(pool.call('end', [status | 0])), status);
    }
    expect(await pool.call('seven')).toBe(7);
    expect(pool.stats.outcomes).toMatchObject({ ok: 1, guest_error: 4, trap: 0, error: 0 });
    expect(pool.stats.destroyedBy).toMatchObject({ exited: 4, failed: 0 });
    expect(pool.stats.breaker).toMatchObject({ state: 'closed', successes: 5, failures: 0 });
  });

  test('does not make up the value of a function that exited well without one', async () => {
    const pool = await open(exiting());
    const error = await failure(pool.call('number', [0]));
    exits(error, 0);
    expect(error.message).toBe('the guest exited with status 0, and number gave no value');
    expect(pool.stats.outcomes).toMatchObject({ guest_error: 1 });
  });

  test.each([
    ['the start function', RUNS_IN_START],
    ['_initialize', RUNS_IN_INITIALIZE],
  ])('takes an exit in %s as one in the function', async (_name, text) => {
    const good = await open(text(0), { breaker: { volumeThreshold: 1 } });
    const { value, stats } = await good.callWithStats('nothing');
    expect(value).toBeUndefined();
    expect(stats).toMatchObject({ ...output, pagesBefore: 0 });
    exits(await failure(good.call('seven')), 0);
    exits(await failure(good.use(() => 1)), 0);
    expect(good.stats).toMatchObject({ completed: 1, failed: 1, breaker: { state: 'closed', failures: 0 } });
    expect(good.stats.destroyedBy).toMatchObject({ exited: 3, failed: 0 });
    const bad = await open(text(3));
    exits(await failure(bad.call('nothing')), 3);
    const warm = await open(text(3), { min: 1 });
    exits(await failure(warm.ready()), 3);
    await noPagesLeft(good.tracker, bad.tracker, warm.tracker);
  });

  test('ends a loan with the exit', async () => {
    const pool = await open(exiting());
    for (const status of [0, 4]) {
      await pool.use(async (instance) => {
        expect(await instance.call('seven')).toBe(7);
        if (status === 0) expect((await instance.callWithStats('end', [0])).stats).toMatchObject(output);
        else exits(await failure(instance.call('end', [status])), status);
        expect(await failure(instance.call('seven'))).toMatchObject({
          code: 'ERR_CLOSED',
          message: 'the instance ended in an earlier call',
        });
        expect(instance.tracker.currentPages).toBe(0);
      });
    }
    expect(await pool.call('seven')).toBe(7);
    expect(pool.stats.destroyedBy).toMatchObject({ exited: 2, failed: 0 });
  });

  test('counts exits as failures where its breaker is told to', async () => {
    const breaker = { volumeThreshold: 2, errorFilter: ['ERR_GUEST'] as const };
    const pool = await open(exiting(), { breaker });
    await pool.call('end', [0]);
    for (let call = 0; call < 2; call++) exits(await failure(pool.call('end', [1])), 1);
    expect(pool.stats.breaker).toMatchObject({ state: 'open', failures: 2 });
    const lenient = await open(exiting(), { breaker: { volumeThreshold: 1, errorFilter: ['ERR_TRAP'] } });
    for (let call = 0; call < 3; call++) expect((await failure(lenient.call('trap'))).code).toBe('ERR_TRAP');
    expect(lenient.stats.breaker).toMatchObject({ state: 'closed', successes: 3 });
  });
});

test('a breaker reads the codes of its filter once', async () => {
  let reads = 0;
  const errorFilter = Object.defineProperty(['ERR_GUEST' as const], 0, {
    get: () => (reads++ === 0 ? 'ERR_TRAP' : 'ERR_NONE'),
  });
  const pool = await poolOf(engine, exiting(), { max: 1, wasi, breaker: { volumeThreshold: 1, errorFilter } });
  expect(reads).toBe(1);
  expect((await failure(pool.call('trap'))).code).toBe('ERR_TRAP');
  expect(pool.stats.breaker).toMatchObject({ state: 'closed', successes: 1 });
});

test.each<[unknown, string, string | number]>([
  [['ERR_NONE'], '[0] is "ERR_NONE"; allowed: a code of ERROR_CODES, such as "ERR_TRAP"', 'ERR_NONE'],
  [['ERR_EXIT', 'ERR_NOPE', 'ERR_NONE'], '[1] is "ERR_NOPE"; allowed: a code of', 'ERR_NOPE'],
  [[1], '[0] is 1; allowed: a code of', 1],
  [new Array(1), '[0] is undefined; allowed: a code of', 'undefined'],
  [['toString'], '[0] is "toString"; allowed: a code of', 'toString'],
  ['ERR_EXIT', ' is "ERR_EXIT"; allowed: an array of error codes', 'ERR_EXIT'],
  [() => true, ' is a function; allowed: an array of error codes', 'a function'],
])('a breaker refuses %s as a filter, and says what is wrong in it', async (errorFilter, message, value) => {
  const code = await loadWat(engine, exiting());
  const error = thrown(() => new Pool(code, { wasi, breaker: { errorFilter: errorFilter as never } }));
  expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option: 'breaker.errorFilter', value } });
  expect(error.message.startsWith(`breaker.errorFilter${message}`), error.message).toBe(true);
});

test('the event of an instance that exited says so', async () => {
  const pool = await poolOf(engine, exiting(), { wasi });
  const reasons: string[] = [];
  pool.on('instanceDestroyed', (reason) => reasons.push(reason));
  await pool.call('end', [0]);
  await failure(pool.call('end', [1]));
  await eventually(() => reasons.length === 2);
  expect(reasons).toEqual(['exited', 'exited']);
});

describe('an instance', () => {
  test('has ended once it exited', async () => {
    const instance = await Instance.create(await loadWat(engine, exiting()), { wasi });
    onTestFinished(() => instance.close());
    expect(await instance.call('seven')).toBe(7);
    expect((await instance.callWithStats('end', [0])).stats).toMatchObject(output);
    expect((await failure(instance.call('seven'))).code).toBe('ERR_CLOSED');
  });

  test('on the calling thread has, too', async () => {
    const code = await loadWat(engine, exiting());
    const make = () => {
      const instance = Instance.createSync(code, { wasi });
      onTestFinished(() => instance.close());
      return instance;
    };
    const [good, bad, without] = [make(), make(), make()];
    expect(good.callSync('seven')).toBe(7);
    expect(good.callSync('end', [0])).toBeUndefined();
    expect(thrown(() => good.callSync('seven'))).toMatchObject({
      code: 'ERR_CLOSED',
      message: 'the instance ended in an earlier call',
    });
    exits(
      thrown(() => bad.callSync('end', [9])),
      9,
    );
    expect(thrown(() => bad.callSync('seven')).code).toBe('ERR_CLOSED');
    exits(
      thrown(() => without.callSync('number', [0])),
      0,
    );
    expect([good, bad, without].map(({ tracker }) => tracker.currentPages)).toEqual([0, 0, 0]);
  });

  test.each([
    ['its start function', RUNS_IN_START],
    ['_initialize', RUNS_IN_INITIALIZE],
  ])('that exits in %s is none, with whatever status', async (_, text) => {
    for (const status of [0, 5]) {
      const code = await loadWat(engine, text(status));
      exits(await failure(Instance.create(code, { wasi })), status);
      exits(
        thrown(() => Instance.createSync(code, { wasi })),
        status,
      );
    }
    expect(engine.stats.instances).toBe(0);
  });
});

describe('a component', () => {
  const none = { stdout: '', stderr: '', stdoutBytes: bytes(''), stderrBytes: bytes('') };

  test.each([
    ['exit', '(result)', 0, 0],
    ['exit', '(result)', 1, 1],
    ['exit-with-code', 'u8', 0, 0],
    ['exit-with-code', 'u8', 42, 42],
    ['exit-with-code', 'u8', 255, 255],
  ])('that calls %s(%s %i) ends with status %i', async (exit, type, argument, status) => {
    const code = await loadWat(engine, component(exit, type, argument));
    const pool = new Pool(code, { wasi: true });
    onTestFinished(() => pool.destroy());
    const sync = Instance.createSync(code, { wasi: true });
    onTestFinished(() => sync.close());
    if (status === 0) {
      expect(await pool.call('run')).toBeUndefined();
      expect(sync.callSync('run')).toBeUndefined();
    } else {
      exits(await failure(pool.call('run')), status, none);
      exits(
        thrown(() => sync.callSync('run')),
        status,
        none,
      );
    }
    expect(pool.stats.destroyedBy).toMatchObject({ exited: 1, failed: 0 });
  });

  test('whose function has a value exits well without one', async () => {
    const pool = await poolOf(engine, component('exit', '(result)', 0, '(result u32)'), { wasi: true });
    exits(await failure(pool.call('run')), 0, none);
  });
});

test('a trap tells what was written before it, too', async () => {
  const pool = await poolOf(engine, exiting(), { wasi });
  expect(await failure(pool.call('trap'))).toMatchObject({ code: 'ERR_TRAP', details: output });
  const silent = await poolOf(engine, '(module (func (export "trap") unreachable))', { wasi });
  expect(Object.keys((await failure(silent.call('trap'))).details as object)).toEqual(['trap', 'backtrace']);
});

test('a call that takes too long tells what was written before it ended', async () => {
  const loops = exiting('(func (export "loop") (call $say) (loop (br 0)))');
  const code = await loadWat(engine, loops);
  const pool = new Pool(code, { wasi, timeoutMillis: 100 });
  onTestFinished(() => pool.destroy());
  expect(await failure(pool.call('loop'))).toMatchObject({ code: 'ERR_TIMEOUT', details: output });
  const sync = Instance.createSync(code, { wasi, timeoutMillis: 20 });
  onTestFinished(() => sync.close());
  const error = thrown(() => sync.callSync('loop'));
  expect(error.message).toBe('the call took longer than 20 ms (computing)');
  expect(error).toMatchObject({
    code: 'ERR_TIMEOUT',
    details: { timeoutMillis: 20, phase: 'computing', ...output },
  });
});
