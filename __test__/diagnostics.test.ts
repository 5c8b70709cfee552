import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CallMessage, Engine, Instance, type LoadMessage, type PoolMessage, wat2wasm } from '../dist/index.js';
import { eventually, failure, GROW, loadWat, MATH, poolOf } from './support.js';

type Phase = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';

/** What a tracing channel tells from now on until the test ends. */
function traced<M extends object>(name: string): { phase: Phase; message: M }[] {
  const seen: { phase: Phase; message: M }[] = [];
  const tell = (phase: Phase) => (message: unknown) => seen.push({ phase, message: message as M });
  const handlers = {
    start: tell('start'),
    end: tell('end'),
    asyncStart: tell('asyncStart'),
    asyncEnd: tell('asyncEnd'),
    error: tell('error'),
  };
  const channel = tracingChannel<unknown, object>(name);
  channel.subscribe(handlers);
  onTestFinished(() => void channel.unsubscribe(handlers));
  return seen;
}

function heard(name: string): PoolMessage[] {
  const seen: PoolMessage[] = [];
  const hear = (message: unknown) => void seen.push(message as PoolMessage);
  subscribe(name, hear);
  onTestFinished(() => void unsubscribe(name, hear));
  return seen;
}

describe('tracing:riptide-wasm:load', () => {
  test('tells each load from its start to its end', async () => {
    const seen = traced<LoadMessage>('riptide-wasm:load');
    const engine = new Engine({ cache: false });
    const source = wat2wasm(MATH);
    const code = await engine.load(source);
    expect(seen.map(({ phase }) => phase)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(new Set(seen.map(({ message }) => message)).size).toBe(1);
    expect(seen[0]?.message.engine).toBe(engine);
    expect(seen[0]?.message.source).toBe(source);
    expect(seen[0]?.message.result).toBe(code);
  });

  test('tells its failure', async () => {
    const seen = traced<LoadMessage>('riptide-wasm:load');
    const error = await failure(new Engine({ cache: false }).loadComponent(wat2wasm(MATH)));
    expect(error.code).toBe('ERR_WRONG_KIND');
    expect(seen.map(({ phase }) => phase)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(seen[0]?.message.error).toBe(error);
  });
});

describe('tracing:riptide-wasm:call', () => {
  test('tells the calls of pools, of their exports and of instances', async () => {
    const engine = new Engine({ cache: false });
    const pool = await poolOf(engine, MATH, { max: 1 });
    const { add } = pool.exports<{ add(a: number, b: number): number }>();
    await add(0, 0);
    const seen = traced<CallMessage>('riptide-wasm:call');
    const instance = await Instance.create(await loadWat(engine, MATH));
    onTestFinished(() => instance[Symbol.asyncDispose]());
    const failed = await failure(pool.call('divide', [1, 0]));
    await add(3, 4);
    await instance.call('add', [5, 6]);
    const { value } = await pool.callWithStats('add', [7, 8]);
    const starts = seen.filter(({ phase }) => phase === 'start').map(({ message }) => message);
    expect(starts.map(({ target, name, args }) => [target, name, args])).toEqual([
      [pool, 'divide', [1, 0]],
      [pool, 'add', [3, 4]],
      [instance, 'add', [5, 6]],
      [pool, 'add', [7, 8]],
    ]);
    expect(starts.map(({ result }) => result)).toMatchObject([undefined, 7, 11, { value }]);
    expect(seen.filter(({ phase }) => phase === 'error').map(({ message }) => message.error)).toEqual([failed]);
    expect(seen.filter(({ phase }) => phase === 'asyncEnd')).toHaveLength(4);
  });

  test('tells nobody who is gone', async () => {
    const pool = await poolOf(new Engine({ cache: false }), MATH, { max: 1 });
    const channel = tracingChannel<unknown, object>('riptide-wasm:call');
    let told = 0;
    const handlers = { start: () => told++, end() {}, asyncStart() {}, asyncEnd() {}, error() {} };
    channel.subscribe(handlers);
    await pool.call('add', [1, 2]);
    channel.unsubscribe(handlers);
    await pool.call('add', [1, 2]);
    expect(told).toBe(1);
  });
});

describe('riptide-wasm:pool', () => {
  test('tells what happens to the pools made since', async () => {
    const denied = heard('riptide-wasm:pool:growthDenied');
    const created = heard('riptide-wasm:pool:instanceCreated');
    const destroyed = heard('riptide-wasm:pool:instanceDestroyed');
    const breaker = heard('riptide-wasm:pool:breaker');
    const pool = await poolOf(new Engine({ cache: false }), GROW, {
      max: 1,
      reuse: true,
      maxMemoryPages: 2,
      breaker: { volumeThreshold: 1, errorThresholdPercentage: 1 },
    });
    expect((await failure(pool.call('grow-or-trap', [5]))).code).toBe('ERR_MEMORY_LIMIT');
    await eventually(() => denied.length + created.length + destroyed.length + breaker.length === 4);
    expect(denied).toMatchObject([{ growth: { requested: 5 * 65_536, limitedBy: 'instance', count: 1 } }]);
    expect(created).toEqual([{ pool }]);
    expect(destroyed).toEqual([{ pool, reason: 'failed' }]);
    expect(breaker).toEqual([{ pool, state: 'open' }]);
    expect(denied[0]?.pool).toBe(pool);
  });
});
