import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, Instance, MemoryLimitError } from '../dist/index.js';
import { component, eventually, failure, GROW, loadWat, noPagesLeft, poolOf, thrown } from './support.js';

const engine = new Engine({ cache: false });

describe('a growth past the limit', () => {
  test('gives -1, counts once, and leaves current and peak as they were', async () => {
    const instance = await Instance.create(await loadWat(engine, GROW), { maxMemoryPages: 4 });
    onTestFinished(() => instance.destroy());
    expect(await instance.call('grow', [2])).toBe(1);
    const before = instance.tracker.snapshot();
    expect(before).toMatchObject({ currentPages: 3, peakPages: 3, maxPages: 4, growFailures: 0 });

    expect(await instance.call('grow', [10])).toBe(-1);
    expect(instance.tracker.snapshot()).toEqual({
      ...before,
      growFailures: 1,
      growRequests: before.growRequests + 1,
    });

    expect(await instance.call('grow', [1])).toBe(3);
    expect(instance.tracker.snapshot()).toMatchObject({ currentPages: 4, peakPages: 4, growFailures: 1 });
    expect(await instance.call('grow', [1])).toBe(-1);
    expect(instance.tracker.snapshot()).toMatchObject({ currentPages: 4, peakPages: 4, growFailures: 2 });

    await instance.close();
    await noPagesLeft(instance.tracker);
    expect(instance.tracker.peakPages).toBe(4);
  });

  test('that the guest then traps on is a memory limit error with asked, held and limit', async () => {
    const pool = await poolOf(engine, GROW, { max: 1, maxMemoryPages: 4 });
    const error = await failure(pool.call('grow-or-trap', [100]));
    expect(error).toBeInstanceOf(MemoryLimitError);
    expect(error.code).toBe('ERR_MEMORY_LIMIT');
    expect(error.details).toMatchObject({ limitBytes: 4 * 65_536, heldBytes: 65_536, limitedBy: 'instance' });
    expect(await pool.call('seven')).toBe(7);
    await pool.close();
    await noPagesLeft(pool.tracker, engine.tracker);
    expect(pool.tracker.growFailures).toBe(1);
  });

  test('is counted by the engine and the pool too', async () => {
    const own = new Engine({ cache: false, maxMemoryPages: 33 });
    const pool = await poolOf(own, GROW, { max: 1, reuse: true });
    expect(await pool.call('grow', [1000])).toBe(-1);
    expect(pool.tracker.snapshot()).toMatchObject({ growFailures: 1, currentPages: 1, peakPages: 1 });
    expect(own.tracker.snapshot()).toMatchObject({ growFailures: 1, currentPages: 1, peakPages: 1 });
  });
});

describe('a call that ends after refused growths tells of them', () => {
  const text = `(module
    (memory 1)
    (table 1 funcref)
    (func $retry (export "retry") (loop $again (br_if $again (i32.lt_s (memory.grow (i32.const 100)) (i32.const 0)))))
    (func (export "once-then-loop") (drop (memory.grow (i32.const 99))) (drop (memory.grow (i32.const 20))) (loop (br 0)))
    (func (export "table-then-loop") (drop (table.grow (ref.null func) (i32.const 50))) (loop (br 0)))
    (func (export "copes") (result i32) (memory.grow (i32.const 100)))
    (func (export "loop") (loop (br 0))))`;
  const PAGE = 65_536;
  const limits = { maxMemoryPages: 16, maxTableElements: 10 };
  const last = { requestedBytes: 20 * PAGE, heldBytes: PAGE, limitBytes: 16 * PAGE, limitedBy: 'instance' };

  test('where its time is up', async () => {
    const pool = await poolOf(engine, text, { ...limits, timeoutMillis: 100 });
    const error = await failure(pool.call('once-then-loop'));
    expect(error.details).toEqual({ timeoutMillis: 100, phase: 'computing', growthsDenied: 2, ...last });
    const many = await failure(pool.call('retry'));
    expect(many.code).toBe('ERR_TIMEOUT');
    expect((many.details as { growthsDenied: number }).growthsDenied).toBeGreaterThan(2);
    expect((await failure(pool.call('table-then-loop'))).details).toEqual({
      timeoutMillis: 100,
      phase: 'computing',
      growthsDenied: 1,
      requestedElements: 50,
      heldElements: 1,
      limitElements: 10,
      limitedBy: 'tables',
    });
  });

  test('where its time is up on the calling thread', async () => {
    const instance = Instance.createSync(await loadWat(engine, text), { ...limits, timeoutMillis: 20 });
    onTestFinished(() => instance.close());
    const error = thrown(() => instance.callSync('once-then-loop'));
    expect(error.details).toEqual({ timeoutMillis: 20, phase: 'computing', growthsDenied: 2, ...last });
  });

  test('where its fuel is used up', async () => {
    const pool = await poolOf(new Engine({ cache: false, fuel: true }), text, { ...limits, maxFuel: 1_000 });
    const error = await failure(pool.call('once-then-loop'));
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_FUEL', details: { growthsDenied: 2, ...last } });
  });

  test('where its pool is destroyed', async () => {
    const pool = await poolOf(engine, text, limits);
    const ended = failure(pool.call('once-then-loop'));
    await eventually(() => pool.tracker.growFailures === 2);
    await pool.destroy();
    expect(await ended).toMatchObject({ code: 'ERR_ABORTED', details: { growthsDenied: 2, ...last } });
  });

  test('where its start takes too long', async () => {
    const start = text.replace(
      '(func (export "loop")',
      '(func $main (call $retry)) (start $main) (func (export "loop")',
    );
    const pool = await poolOf(engine, start, { ...limits, min: 1, timeoutMillis: 100 });
    expect((await failure(pool.ready())).details).toMatchObject({ growthsDenied: expect.any(Number) });
    expect((await failure(pool.call('loop'))).details).toMatchObject({ growthsDenied: expect.any(Number) });
  });

  test('and not of those of an earlier call', async () => {
    const pool = await poolOf(engine, text, { ...limits, max: 1, reuse: true, timeoutMillis: 100 });
    expect(await pool.call('copes')).toBe(-1);
    expect((await failure(pool.call('loop'))).details).toEqual({ timeoutMillis: 100, phase: 'computing' });
  });
});

describe('an instance that starts beyond its limit', () => {
  test('is a memory limit error', async () => {
    const pool = await poolOf(engine, '(module (memory 10) (func (export "f")))', { maxMemoryPages: 5 });
    const error = await failure(pool.call('f'));
    expect(error.code).toBe('ERR_MEMORY_LIMIT');
    await pool.close();
    await noPagesLeft(pool.tracker);
  });
});

describe('the memory of a pool', () => {
  test('is the sum over its instances', async () => {
    const pool = await poolOf(engine, GROW, { min: 3, max: 3, reuse: true });
    await pool.ready();
    expect(pool.tracker.snapshot()).toMatchObject({ currentPages: 3, currentBytes: 3 * 65_536 });
    await pool.call('grow', [5]);
    expect(pool.tracker.snapshot()).toMatchObject({ currentPages: 8, peakPages: 8 });
    await pool.close();
    await noPagesLeft(pool.tracker);
    expect(pool.tracker.peakPages).toBe(8);
  });
});

describe('results', () => {
  const text = component(
    `(func (export "bytes") (param i32) (result i32)
      (i32.store (i32.const 8) (i32.const 1024))
      (i32.store (i32.const 12) (local.get 0))
      (i32.const 8))`,
    `(func (export "bytes") (param "n" u32) (result (list u8))
      (canon lift (core func $i "bytes") (memory $i "memory")))
     (func (export "pairs") (param "n" u32) (result (list (tuple u8 u8)))
      (canon lift (core func $i "bytes") (memory $i "memory")))`,
  );

  test('of more bytes than maxResultBytes are refused, and the next call works', async () => {
    const pool = await poolOf(engine, text, { max: 1, maxResultBytes: 1000 });
    const error = await failure(pool.call('bytes', [1001]));
    expect(error.code).toBe('ERR_RESULT_TOO_LARGE');
    expect(error.details).toMatchObject({ option: 'maxResultBytes', limit: 1000 });
    expect(await pool.call('bytes', [1000])).toHaveLength(1000);
  });

  test('of more values than maxResultValues are refused, and the next call works', async () => {
    const pool = await poolOf(engine, text, { max: 1, maxResultValues: 1000 });
    const error = await failure(pool.call('pairs', [2000]));
    expect(error.code).toBe('ERR_RESULT_TOO_LARGE');
    expect(error.details).toMatchObject({ option: 'maxResultValues', limit: 1000 });
    expect(await pool.call('pairs', [10])).toHaveLength(10);
    expect(await pool.call('bytes', [100_000])).toHaveLength(100_000);
  });
});
