import { getEventListeners } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, type PoolOptions, TimeoutError } from '../dist/index.js';
import {
  ASK,
  component,
  eventually,
  failure,
  LOOP,
  noPagesLeft,
  ONE_MINUTE_NANOS,
  poolOf,
  SLEEP,
  turnsDuring,
} from './support.js';

const engine = new Engine({ cache: false });
const never = () => new Promise<number>(() => {});

const guests: [string, string, string, unknown[], PoolOptions, string][] = [
  ['loops', LOOP, 'spin', [], {}, 'computing'],
  ['sleeps in WASI', SLEEP, 'sleep', [ONE_MINUTE_NANOS], { wasi: true }, 'asleep'],
  ['waits on a host function that never settles', ASK, 'run', [1], { imports: { env: { ask: never } } }, 'host'],
];

describe.each(guests)('a guest that %s', (_, text, name, args, options, phase) => {
  test.each([1, 3])('ends by its timeout, with a pool of %i, and the next call works', async (max) => {
    const pool = await poolOf(engine, text, { ...options, max, timeoutMillis: 150 });
    const errors = Promise.all(Array.from({ length: max }, () => failure(pool.call(name, args))));
    const turns = await turnsDuring(errors);
    for (const error of await errors) {
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error.code).toBe('ERR_TIMEOUT');
      expect(error.details).toMatchObject({ timeoutMillis: 150, phase });
    }
    expect(turns).toBeGreaterThan(10);
    expect(await pool.call('seven')).toBe(7);
    expect(pool.stats).toMatchObject({ timedOut: max, completed: 1 });
    await pool.close();
    await noPagesLeft(pool.tracker, engine.tracker);
  });

  test('ends by the timeout of one call', async () => {
    const pool = await poolOf(engine, text, { ...options, max: 1 });
    const error = await failure(pool.call(name, args, { timeoutMillis: 20 }));
    expect(error.details).toMatchObject({ timeoutMillis: 20, phase });
    expect(await pool.call('seven')).toBe(7);
  });

  test("ends by its signal, with the signal's reason", async () => {
    const pool = await poolOf(engine, text, { ...options, max: 1 });
    const controller = new AbortController();
    const reason = { enough: true };
    const ended = pool.call(name, args, { signal: controller.signal }).catch((error) => error);
    await eventually(() => pool.stats.active === 1);
    controller.abort(reason);
    expect(await ended).toBe(reason);
    expect(await pool.call('seven')).toBe(7);
    expect(pool.stats.aborted).toBe(1);
    await pool.close();
    await noPagesLeft(pool.tracker, engine.tracker);
  });

  test('ends with its pool', async () => {
    const pool = await poolOf(engine, text, { ...options, max: 1 });
    const ended = failure(pool.call(name, args));
    await eventually(() => pool.stats.active === 1);
    await pool.destroy();
    expect((await ended).code).toBe('ERR_ABORTED');
    await noPagesLeft(pool.tracker, engine.tracker);
  });
});

describe('a call that waits for an instance', () => {
  test('ends by its timeout', async () => {
    const pool = await poolOf(engine, ASK, { max: 1, imports: { env: { ask: never } } });
    const first = failure(pool.call('run', [1]));
    const error = await failure(pool.call('seven', [], { timeoutMillis: 30 }));
    expect(error.details).toMatchObject({ timeoutMillis: 30, phase: 'queued' });
    await pool.destroy();
    await first;
  });

  test('ends by its signal', async () => {
    const pool = await poolOf(engine, ASK, { max: 1, imports: { env: { ask: never } } });
    const first = failure(pool.call('run', [1]));
    const signal = AbortSignal.timeout(30);
    expect(await failure(pool.call('seven', [], { signal }))).toBe(signal.reason);
    expect(pool.stats).toMatchObject({ active: 1, waiting: 0 });
    await pool.destroy();
    await first;
  });
});

describe('a signal', () => {
  test('that was aborted before ends the call before it begins', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1 });
    const signal = AbortSignal.abort('no');
    expect(await pool.call('spin', [], { signal }).catch((error) => error)).toBe('no');
    expect(pool.stats.created).toBe(0);
  });

  test('that is aborted while arguments are read ends the call', async () => {
    const bytes = component(
      '(func (export "spin") (param i32) (loop (br 0)))',
      `(type $point' (record (field "x" u32)))
       (export $point "point" (type $point'))
       (func (export "spin") (param "at" $point) (canon lift (core func $i "spin")))`,
    );
    const pool = await poolOf(engine, bytes, { max: 1 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const at = {
      get x() {
        controller.abort(reason);
        return 1;
      },
    };
    // The timeout only ends the test where the abort was lost.
    const { signal } = controller;
    expect(await failure(pool.call('spin', [at], { signal, timeoutMillis: 10_000 }))).toBe(reason);
    expect(pool.stats.aborted).toBe(1);
  });

  test('that is aborted after the call changes nothing', async () => {
    const pool = await poolOf(engine, LOOP, { max: 1 });
    const controller = new AbortController();
    expect(await pool.call('seven', [], { signal: controller.signal })).toBe(7);
    controller.abort();
    expect(await pool.call('seven')).toBe(7);
  });
});

describe('a signal of many calls', () => {
  const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

  test('has one listener while any of them is in flight, and none afterwards', async () => {
    const warnings: string[] = [];
    const listen = ({ name }: Error) => void warnings.push(name);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const [looping, other] = [await poolOf(engine, LOOP, { max: 2 }), await poolOf(engine, LOOP, { max: 1 })];
    const { signal } = new AbortController();
    const spinning = Array.from({ length: 20 }, () =>
      failure(looping.call('spin', [], { signal, timeoutMillis: 300 })),
    );
    const short = Array.from({ length: 100 }, () => other.call('seven', [], { signal }));
    const lent = other.use((instance) => instance.call('seven', [], { signal }), { signal });
    expect(listeners(signal)).toBe(1);
    expect(await Promise.all([...short, lent])).toEqual(Array.from({ length: 101 }, () => 7));
    expect(looping.stats.active).toBe(2); // some are still in flight, so the listener is still needed
    expect(listeners(signal)).toBe(1);
    expect(new Set((await Promise.all(spinning)).map(({ code }) => code))).toEqual(new Set(['ERR_TIMEOUT']));
    expect(listeners(signal)).toBe(0);
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  });

  test('ends those that are in flight, in the order they began, and no other', async () => {
    const [pool, other] = [await poolOf(engine, LOOP, { max: 1 }), await poolOf(engine, LOOP, { max: 1 })];
    const controller = new AbortController();
    const { signal } = controller;
    const order: unknown[] = [];
    signal.addEventListener('abort', () => order.push('its owner'));
    expect(await pool.call('seven', [], { signal })).toBe(7);
    const untouched = failure(other.call('spin', [], { timeoutMillis: 500 }));
    const ends = Array.from({ length: 15 }, async (_, index) => {
      const reason = await failure((index % 2 ? other : pool).call('spin', [], { signal }));
      order.push(index);
      return reason;
    });
    await eventually(() => pool.stats.active === 1);
    const reason = new Error('enough');
    controller.abort(reason);
    for (const end of await Promise.all(ends)) expect(end).toBe(reason);
    // What waits in a queue has its end at once; the one that runs when its guest has stopped.
    const waited = order.filter((index) => index !== 0);
    expect(waited).toEqual(['its owner', ...Array.from({ length: 14 }, (_, index) => index + 1)]);
    expect((await untouched).code).toBe('ERR_TIMEOUT');
    expect(listeners(signal)).toBe(1);
    expect(await failure(pool.call('seven', [], { signal }))).toBe(reason);
    expect(listeners(signal)).toBe(1);
    expect(await pool.call('seven')).toBe(7);
  });
});

describe('guests that share workers', () => {
  test('do not starve each other', async () => {
    const two = new Engine({ cache: false, workers: 2 });
    const looping = await poolOf(two, LOOP, { max: 8, timeoutMillis: 400 });
    const errors = Array.from({ length: 8 }, () => failure(looping.call('spin')));
    await eventually(() => looping.stats.active === 8);
    const good = await poolOf(two, LOOP, { max: 1 });
    expect(await good.call('seven')).toBe(7);
    expect(looping.stats.active).toBe(8);
    for (const error of await Promise.all(errors)) expect(error.code).toBe('ERR_TIMEOUT');
  });
});
