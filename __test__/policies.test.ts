import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test } from 'vitest';
import { Engine, Pool, type PoolOptions, RejectedError, TimeoutError, TrapError } from '../dist/index.js';
import { ASK, eventually, failure, GROW, LOOP, loadWat, MATH, noPagesLeft, poolOf, thrown } from './support.js';

const engine = new Engine({ cache: false });

describe('a queue', () => {
  test('takes so many and refuses the next, which changes nothing for the others', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1, maxQueue: 2, timeoutMillis: 60 });
    const ends = Array.from({ length: 3 }, () => failure(pool.call('spin')));
    const refused = await failure(pool.call('seven'));
    expect(refused).toBeInstanceOf(RejectedError);
    expect(refused).toMatchObject({ code: 'ERR_QUEUE_FULL', details: { max: 1, maxQueue: 2 } });
    for (const error of await Promise.all(ends)) expect(error.code).toBe('ERR_TIMEOUT');
    await eventually(() => pool.stats.active === 0);
    expect(await pool.call('seven')).toBe(7);
    expect(pool.stats).toMatchObject({ completed: 1, timedOut: 3, rejected: 1, waiting: 0 });
  });

  test('is first come, first served', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true });
    const counts = await Promise.all(Array.from({ length: 200 }, () => pool.call<number>('count')));
    expect(counts).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test('lets a call wait so long for an instance', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1, acquireTimeoutMillis: 20, timeoutMillis: 10_000 });
    const controller = new AbortController();
    const spinning = failure(pool.call('spin', [], { signal: controller.signal }));
    const error = await failure(pool.call('seven'));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'ERR_ACQUIRE_TIMEOUT', details: { acquireTimeoutMillis: 20 } });
    expect(pool.stats).toMatchObject({ active: 1, waiting: 0, timedOut: 1 });
    controller.abort();
    await spinning;
    expect(await pool.call('seven')).toBe(7);
  });
});

describe('an instance', () => {
  test('serves maxUses calls', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true, maxUses: 2 });
    const counts: unknown[] = [];
    for (let call = 0; call < 5; call++) counts.push(await pool.call('count'));
    expect(counts).toEqual([1, 2, 1, 2, 1]);
  });

  test('that holds more than recycleAbovePages serves no other call', async () => {
    const pool = await poolOf(engine, GROW, { max: 1, reuse: true, recycleAbovePages: 4 });
    expect(await pool.call('grow', [3])).toBe(1);
    expect(pool.tracker.currentPages).toBe(4);
    expect(await pool.call('grow', [1])).toBe(4);
    await noPagesLeft(pool.tracker);
    expect(await pool.call('grow', [0])).toBe(1);
  });

  test('above min goes after idleTimeoutMillis', async () => {
    const pool = await poolOf(engine, MATH, { min: 1, max: 3, reuse: true, idleTimeoutMillis: 40 });
    const reasons: string[] = [];
    pool.on('instanceDestroyed', (reason) => reasons.push(reason));
    await Promise.all([1, 2, 3].map(() => pool.use((instance) => instance.call('count'))));
    await eventually(() => pool.stats.size === 1);
    expect(await pool.call('count')).toBe(2);
    await eventually(() => reasons.length === pool.stats.destroyed);
    expect(new Set(reasons)).toEqual(new Set(['idle']));
  });
});

describe('a call with stats', () => {
  test('says what it took', async () => {
    const pool = await poolOf(engine, GROW, { max: 1, reuse: true });
    const { value, stats } = await pool.callWithStats('grow', [2]);
    expect(value).toBe(1);
    expect(stats).toMatchObject({ pagesBefore: 1, pagesAfter: 3, peakPages: 3, stdout: '', stderr: '' });
    expect(stats.wallMillis).toBeGreaterThanOrEqual(stats.queueMillis);
    expect(stats.cpuMillis).toBeGreaterThan(0);
    expect(stats).not.toHaveProperty('fuelConsumed');
    const again = await pool.callWithStats('seven', []);
    expect(again).toMatchObject({ value: 7, stats: { pagesBefore: 3, pagesAfter: 3 } });
  });

  test('that waits has its time in the right number', async () => {
    const options = {
      max: 1,
      imports: { env: { ask: (n: number) => new Promise((done) => setTimeout(done, 100, n)) } },
    };
    const pool = await poolOf(engine, ASK, options);
    const first = pool.callWithStats('run', [1]);
    const { stats: second } = await pool.callWithStats('run', [2]);
    const { stats } = await first;
    // Node's timers may be a millisecond early.
    expect(stats.wallMillis).toBeGreaterThan(95);
    expect(stats.cpuMillis).toBeLessThan(50); // the waiting is no part of it
    expect(stats.queueMillis).toBeLessThan(stats.wallMillis - 95);
    expect(second.wallMillis).toBeGreaterThan(190);
    expect(second.queueMillis).toBeGreaterThan(90);
    expect(second.cpuMillis).toBeLessThan(50);
  });

  test('that computes has its time in the right number', async () => {
    const text = `(module (func (export "count") (param $rounds i32)
      (loop (br_if 0 (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))))`;
    const pool = await poolOf(engine, text, { max: 1, reuse: true });
    const { stats: short } = await pool.callWithStats('count', [1]);
    const { stats: long } = await pool.callWithStats('count', [100_000_000]);
    // At most one round a cycle, so no processor has it done in ten milliseconds.
    expect(long.cpuMillis).toBeGreaterThan(10);
    expect(long.cpuMillis).toBeLessThanOrEqual(long.wallMillis);
    expect(short.cpuMillis).toBeLessThan(long.cpuMillis as number);
  });

  test('has what the guest wrote, up to a bound, and a failed call its standard error', async () => {
    const text = `(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 100) "hello")
      (func (export "say") (param $to i32)
        (i32.store (i32.const 0) (i32.const 100))
        (i32.store (i32.const 4) (i32.const 5))
        (drop (call $write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 20))))
      (func (export "cry") (call 1 (i32.const 2)) unreachable))`;
    const pool = await poolOf(engine, text, { max: 1, reuse: true, wasi: { maxOutputBytes: 8 } });
    const { stats } = await pool.callWithStats('say', [1]);
    expect(stats).toMatchObject({ stdout: 'hello', stderr: '' });
    expect((await pool.callWithStats('say', [2])).stats).toMatchObject({ stdout: '', stderr: 'hello' });
    const twice = await pool.use(async (instance) => {
      await instance.call('say', [1]);
      return instance.callWithStats('say', [1]);
    });
    expect(twice.stats.stdout).toBe('hello'); // of this call alone
    const error = await failure(pool.call('cry'));
    expect(error).toMatchObject({ code: 'ERR_TRAP', details: { stderr: 'hello' } });
    const small = await poolOf(engine, text, { max: 1, wasi: { maxOutputBytes: 3 } });
    expect((await small.callWithStats('say', [1])).stats.stdout).toBe('hel');
    const none = await poolOf(engine, text, { max: 1, wasi: true });
    expect((await none.callWithStats('say', [1])).stats.stdout).toBe('');
  });

  test('has the very bytes beside the text, and a cut splits no character of the text', async () => {
    const all = 'aß€😀';
    const bytes = new Uint8Array(Buffer.from(all));
    const text = `(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\\10\\00\\00\\00\\0a\\00\\00\\00")
      (data (i32.const 16) "${all}\\ff")
      (func $write-some (export "say") (param $length i32)
        (i32.store (i32.const 4) (local.get $length))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))))
      (func (export "fail") (param i32) (call $write-some (local.get 0)) unreachable))`;
    const ends = [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10];
    for (let most = 1; most <= bytes.length; most++) {
      const pool = await poolOf(engine, text, { wasi: { maxOutputBytes: most } });
      const whole = Buffer.from(bytes.subarray(0, ends[most])).toString();
      const kept = { stdout: whole, stdoutBytes: bytes.subarray(0, most) };
      const { stats } = await pool.callWithStats('say', [bytes.length]);
      expect(stats).toMatchObject({ ...kept, stderr: '', stderrBytes: new Uint8Array() });
      expect((await failure(pool.call('fail', [bytes.length]))).details).toMatchObject(kept);
    }
    // What the guest itself left unfinished, or is no text, is replaced.
    const roomy = await poolOf(engine, text, { wasi: { maxOutputBytes: 100 } });
    expect((await roomy.callWithStats('say', [5])).stats.stdout).toBe('aß\ufffd');
    expect((await roomy.callWithStats('say', [11])).stats).toMatchObject({
      stdout: `${all}\ufffd`,
      stdoutBytes: new Uint8Array([...bytes, 255]),
    });
  });
});

describe('fuel', () => {
  const fuelled = new Engine({ cache: false, fuel: true });

  test('limits each call, and the rest is told', async () => {
    const pool = await poolOf(fuelled, LOOP, { max: 1, reuse: true, maxFuel: 5_000 });
    const error = await failure(pool.call('spin'));
    expect(error).toBeInstanceOf(TrapError);
    expect(error.code).toBe('ERR_OUT_OF_FUEL');
    for (let call = 0; call < 3; call++) {
      const { value, stats } = await pool.callWithStats('seven');
      expect(value).toBe(7);
      expect(stats.fuelConsumed).toBeGreaterThan(0);
      expect(stats.fuelRemaining).toBe(5_000 - (stats.fuelConsumed as number));
    }
  });

  test('without a limit is only counted', async () => {
    const pool = await poolOf(fuelled, LOOP, { max: 1 });
    const { stats } = await pool.callWithStats('seven');
    expect(stats.fuelConsumed).toBeGreaterThan(0);
    expect(stats).not.toHaveProperty('fuelRemaining');
  });

  test('is refused by an engine that does not count it', async () => {
    const code = await loadWat(engine, LOOP);
    const error = thrown(() => new Pool(code, { maxFuel: 1 }));
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option: 'maxFuel' } });
  });
});

describe('a memory budget', () => {
  test('is told apart from the limit of an instance, in the error, the tracker and the event', async () => {
    const small = new Engine({ cache: false, memoryBudgetBytes: 4 * 65_536, maxMemoryPages: 8 });
    const pool = await poolOf(small, GROW, { max: 2 });
    const denied: string[] = [];
    pool.on('growthDenied', ({ limitedBy }) => denied.push(limitedBy));
    await new Promise(setImmediate);
    const own = await failure(pool.call('grow-or-trap', [8]));
    expect(own.details).toMatchObject({ limitedBy: 'instance', limitBytes: 8 * 65_536 });
    await eventually(() => denied.length === 1);
    const shared = await failure(pool.call('grow-or-trap', [4]));
    expect(shared.details).toMatchObject({ limitedBy: 'engine', limitBytes: 4 * 65_536 });
    await eventually(() => denied.length === 2);
    expect(denied).toEqual(['instance', 'engine']);
    expect(pool.tracker).toMatchObject({ growFailures: 2, budgetRefusals: 1 });
    expect(small.tracker).toMatchObject({ budgetRefusals: 1, maxPages: 4 });
    await noPagesLeft(small.tracker);
  });
});

describe('tables', () => {
  test('have a limit over all of an instance', async () => {
    const text = `(module (table $a 50 funcref) (table $b 40 funcref)
      (func (export "grow") (param i32) (result i32) (table.grow $b (ref.null func) (local.get 0))))`;
    const pool = await poolOf(engine, text, { max: 1, reuse: true, maxTableElements: 100 });
    expect(await pool.call('grow', [11])).toBe(-1);
    expect(await pool.call('grow', [10])).toBe(40);
    const tight = await poolOf(engine, text, { max: 1, maxTableElements: 89 });
    const error = await failure(tight.call('grow', [0]));
    expect(error).toMatchObject({ code: 'ERR_MEMORY_LIMIT', details: { limitedBy: 'tables', limitElements: 89 } });
  });
});

describe('events', () => {
  test('of denied growths come together, however many there are', async () => {
    const text = `(module (memory 1) (func (export "ask") (param $times i32)
      (loop
        (drop (memory.grow (i32.const 60000)))
        (br_if 0 (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))`;
    const pool = await poolOf(engine, text, { max: 1 });
    let events = 0;
    let count = 0;
    pool.on('growthDenied', (growth) => {
      events += 1;
      count += growth.count;
    });
    await new Promise(setImmediate);
    await pool.call('ask', [100_000]);
    await eventually(() => count === 100_000);
    expect(events).toBeLessThan(10_000);
    expect(pool.tracker).toMatchObject({ growFailures: 100_000, growRequests: 100_001 });
  });

  test('of instances, while somebody listens', async () => {
    const pool = await poolOf(engine, MATH, { max: 1 });
    const seen: string[] = [];
    const created = () => seen.push('created');
    pool.on('instanceCreated', created);
    pool.on('instanceDestroyed', (reason) => seen.push(reason));
    await new Promise(setImmediate);
    await pool.call('count');
    await failure(pool.call('fail'));
    await eventually(() => seen.length === 4);
    expect(seen).toEqual(['created', 'fresh', 'created', 'failed']);
    pool.off('instanceCreated', created);
    await pool.call('count');
    await eventually(() => seen.length === 5);
    expect(seen[4]).toBe('fresh');
  });
});

describe('listeners', () => {
  test('hear of what happens right after they came, and of warm-ups', async () => {
    const pool = new Pool(await loadWat(engine, MATH), { min: 2, max: 2, reuse: true });
    let created = 0;
    pool.on('instanceCreated', () => created++);
    await pool.ready();
    await eventually(() => created === 2);
    const reasons: string[] = [];
    pool.on('instanceDestroyed', (reason) => reasons.push(reason));
    await failure(pool.call('fail'));
    await eventually(() => reasons.length === 1);
    expect(reasons).toEqual(['failed']);
    await pool.destroy();
  });

  test('may all be removed, and come again; one of them once', async () => {
    const pool = await poolOf(engine, MATH, { max: 1 });
    const seen: string[] = [];
    pool.on('instanceCreated', () => seen.push('removed'));
    pool.removeAllListeners();
    pool.once('instanceDestroyed', (reason) => seen.push(reason));
    pool.on('instanceCreated', () => seen.push('created'));
    for (let call = 0; call < 2; call++) await pool.call('count');
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(['created', 'fresh', 'created']);
    pool.removeAllListeners('instanceCreated');
    await pool.call('count');
    pool.on('instanceDestroyed', (reason) => seen.push(reason));
    await pool.call('count');
    await eventually(() => seen.length === 4);
    expect(seen[3]).toBe('fresh');
  });
});

describe('a queue whose instances are held', () => {
  test('forgets the calls that gave up', async () => {
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true });
    let finish = () => {};
    const held = pool.use(() => new Promise<void>((resolve) => (finish = resolve)));
    await eventually(() => pool.stats.active === 1);
    const patient = Array.from({ length: 5 }, () => pool.call<number>('count'));
    for (let round = 0; round < 20; round++) {
      const controller = new AbortController();
      const { signal } = controller;
      const ends = Array.from({ length: 100 }, () => failure(pool.call('count', [], { signal })));
      controller.abort('enough');
      expect(new Set(await Promise.all(ends))).toEqual(new Set(['enough']));
    }
    expect(pool.stats).toMatchObject({ waiting: 5, aborted: 2000 });
    finish();
    await held;
    expect(await Promise.all(patient)).toEqual([1, 2, 3, 4, 5]);
    expect(pool.stats).toMatchObject({ waiting: 0, completed: 5 });
  });
});

describe('a host function', () => {
  const reentrant = async (options: PoolOptions, inner: (pool: () => Promise<unknown>) => Promise<unknown>) => {
    const pool = await poolOf(engine, ASK, {
      timeoutMillis: 10_000,
      ...options,
      imports: { env: { ask: (n: number) => (n === 0 ? 1 : inner(() => pool.call('run', [0]))) } },
    });
    return pool;
  };

  test('that calls its own exhausted pool is refused at once', async () => {
    const pool = await reentrant({ max: 1 }, (call) => call());
    const error = await failure(pool.call('run', [1]));
    expect(error.code).toBe('ERR_HOST_FUNCTION');
    expect(error.cause).toBeInstanceOf(RejectedError);
    expect(error.cause).toMatchObject({ code: 'ERR_REENTRANT', details: { max: 1 } });
    expect(await pool.call('run', [0])).toBe(1);
  });

  test('is refused after a pause and through another pool as well', async () => {
    const later = await reentrant({ max: 1 }, async (call) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return call();
    });
    expect((await failure(later.call('run', [1]))).cause).toMatchObject({ code: 'ERR_REENTRANT' });
    const through = await poolOf(engine, ASK, { max: 2, imports: { env: { ask: () => back.call('run', [0]) } } });
    const back = await reentrant({ max: 1 }, () => through.call('run', [1]));
    const outer = await failure(back.call('run', [1]));
    expect((outer.cause as Error).cause).toMatchObject({ code: 'ERR_REENTRANT' });
  });

  test('is refused in a start function too, lent or warmed up', async () => {
    const text = `(module (import "env" "ask" (func $ask)) (func $s (call $ask)) (start $s)
      (func (export "seven") (result i32) (i32.const 7)))`;
    const seen: unknown[] = [];
    const options = (min: number): PoolOptions => ({
      min,
      max: 1,
      timeoutMillis: 10_000,
      imports: {
        env: {
          ask: async () => {
            if (seen.length === 0) seen.push((await failure(pool.call('seven'))).code);
          },
        },
      },
    });
    let pool = await poolOf(engine, text, options(0));
    await pool.use(() => 1);
    expect(seen.splice(0)).toEqual(['ERR_REENTRANT']);
    pool = await poolOf(engine, text, options(1));
    await pool.ready();
    expect(seen).toEqual(['ERR_REENTRANT']);
  });

  test('is not refused where what it began goes on after its call', async () => {
    const later: Promise<unknown>[] = [];
    let go = () => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const begin = () => {
      later.push(gate.then(() => pool.call('run', [0])));
      return 1;
    };
    const pool = await poolOf(engine, ASK, {
      max: 1,
      imports: { env: { ask: (n: number) => (n === 0 ? 1 : begin()) } },
    });
    await pool.call('run', [1]);
    await pool.use(async () => {
      later.push(gate.then(() => pool.call('run', [0])));
    });
    const holding = pool.use(() => new Promise((resolve) => setTimeout(resolve, 20)));
    await eventually(() => pool.stats.active === 1);
    go();
    expect(await Promise.all(later)).toEqual([1, 1]);
    await holding;
  });

  test('may call its pool while there are instances for it', async () => {
    const pool = await reentrant({ max: 2 }, (call) => call());
    expect(await pool.call('run', [1])).toBe(1);
    await eventually(() => pool.stats.active === 0);
    expect(await pool.call('run', [1])).toBe(1);
  });

  test('of many calls at once has the instances that are left, and is refused where there is none', async () => {
    const [calls, max] = [50, 60];
    let [inside, decided] = [0, 0];
    let [allInside, allDecided] = [() => {}, () => {}];
    const together = new Promise<void>((resolve) => (allInside = resolve));
    const gate = new Promise<void>((resolve) => (allDecided = resolve));
    const decide = () => ++decided === calls && allDecided();
    const ask = async (n: number) => {
      if (n === 0) {
        decide();
        await gate;
        return 1;
      }
      if (++inside === calls) allInside();
      await together;
      const inner = pool.call('run', [0]);
      inner.catch(decide);
      return inner;
    };
    const pool = await poolOf(engine, ASK, { max, timeoutMillis: 10_000, imports: { env: { ask } } });
    const ends = await Promise.allSettled(Array.from({ length: calls }, () => pool.call('run', [1])));
    const refused = ends.filter((end) => end.status === 'rejected').map(({ reason }) => reason.cause.code);
    expect(refused).toEqual(Array.from({ length: 2 * calls - max }, () => 'ERR_REENTRANT'));
    const { ok, rejected, error, timeout } = pool.stats.outcomes;
    expect({ ok, rejected, error, timeout }).toEqual({ ok: 2 * 10, rejected: 40, error: 40, timeout: 0 });
    await eventually(() => pool.stats.active === 0);
    expect(await pool.call('seven')).toBe(7);
  });

  test('sees the asynchronous context of the call', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const pool = await poolOf(engine, ASK, { max: 2, imports: { env: { ask: () => seen.push(request.getStore()) } } });
    await Promise.all(['a', 'b', 'c'].map((id) => request.run(id, () => pool.call('run', [1]))));
    expect(seen.sort()).toEqual(['a', 'b', 'c']);
  });
});

describe('a pool that the engine has no room for', () => {
  test('fails when it is made, by the number that fits', async () => {
    const small = new Engine({ cache: false, maxInstances: 6 });
    const code = await loadWat(small, '(module (memory 1) (memory 1) (memory 1) (func (export "f")))');
    expect(thrown(() => new Pool(code, { max: 5 }))).toMatchObject({
      code: 'ERR_BAD_OPTION',
      details: { option: 'max', value: 5, allowed: '1 to 4' },
    });
    const pool = new Pool(code, { min: 4, max: 4, reuse: true });
    await pool.ready();
    expect(pool.stats.size).toBe(4);
    await pool.destroy();
  });

  test('for the moment, fills later', async () => {
    const tight = new Engine({ cache: false, memoryBudgetBytes: 2 * 65_536 });
    const other = await poolOf(tight, GROW, { max: 1 });
    let finish = () => {};
    const held = other.use(() => new Promise<void>((resolve) => (finish = resolve)));
    // Active it is while its instance is being made, too.
    await eventually(() => other.tracker.currentPages === 1);
    const pool = await poolOf(tight, GROW, { min: 2, max: 2, reuse: true });
    expect((await failure(pool.ready())).code).toBe('ERR_MEMORY_LIMIT');
    finish();
    await held;
    for (let round = 0; round < 50 && pool.stats.size < 2; round++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await pool.call('seven');
    }
    expect(pool.stats.size).toBe(2);
    await pool.ready();
  });
});
