import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, type EngineOptions, Instance, wat2wasm } from '../dist/index.js';
import { eventually, temporaryFolder } from './support.js';

function keyFile(): string {
  const file = join(temporaryFolder(), 'key');
  writeFileSync(file, 'k'.repeat(32), { mode: 0o600 });
  return file;
}

describe('bytes that change after load() returned', () => {
  /** A module that gives a number, and its length does not depend on it. */
  const gives = (number: number) => wat2wasm(`(module (func (export "f") (result i32) (i32.const ${number})))`);
  const store = () => {
    const kept = new Map<string, Uint8Array>();
    return {
      kept,
      get: async (name: string) => kept.get(name),
      put: async (name: string, b: Uint8Array) => void kept.set(name, b),
    };
  };
  const cases: [string, () => EngineOptions][] = [
    ['no cache', () => ({ cache: false })],
    ['a cache', () => ({ cache: { directory: temporaryFolder() } })],
    ['a shared tier', () => ({ cache: { directory: temporaryFolder(), keyFile: keyFile(), shared: store() } })],
    [
      'a shared tier, compiled by another process',
      () => ({
        cache: { directory: temporaryFolder(), keyFile: keyFile(), shared: store() },
        compile: { isolated: true },
      }),
    ],
    ['no cache, compiled by another process', () => ({ cache: false, compile: { isolated: true } })],
  ];

  describe.each(cases)('(%s)', (_, options) => {
    test.each([
      ['an ArrayBuffer', (length: number) => new ArrayBuffer(length)],
      ['a SharedArrayBuffer', (length: number) => new SharedArrayBuffer(length)],
    ])('in %s make no difference', async (_buffer, make) => {
      const engine = new Engine(options());
      const [before, after] = [gives(11), gives(22)];
      expect(before.length).toBe(after.length);
      const bytes = new Uint8Array(make(before.length));
      bytes.set(before);
      // The second one waits for the first where there is a shared tier.
      const loads = [engine.load(bytes), engine.load(bytes)];
      bytes.set(after);
      for (const load of loads) {
        const instance = await Instance.create(await load);
        expect(await instance.call('f')).toBe(11);
      }
      // And nothing of it is kept under the other's name.
      for (const [code, number] of [
        [before, 11],
        [after, 22],
      ] as const) {
        const instance = await Instance.create(await engine.load(code));
        expect(await instance.call('f')).toBe(number);
      }
    });
  });

  test('leave the shared tier with what was looked for', async () => {
    const [shared, key] = [store(), keyFile()];
    const machine = () => new Engine({ cache: { directory: temporaryFolder(), keyFile: key, shared } });
    const bytes = new Uint8Array(gives(11));
    const loading = machine().load(bytes);
    bytes.set(gives(22));
    await loading;
    await eventually(() => shared.kept.size === 1);
    const other = machine();
    const instance = await Instance.create(await other.load(gives(11)));
    expect([await instance.call('f'), other.cache.sharedHits]).toEqual([11, 1]);
  });
});

describe('a thread that is stuck in its shared cache', () => {
  /** A worker in the middle of `get`, and an engine of this thread over the same directory. */
  async function stuck() {
    const cache = { directory: temporaryFolder(), keyFile: keyFile() };
    const bytes = wat2wasm('(module (func (export "f") (result i32) (i32.const 5)))');
    const state = new Int32Array(new SharedArrayBuffer(4));
    const script = new URL('./fixtures/shared-cache-worker.mjs', import.meta.url);
    const worker = new Worker(script, { workerData: { cache, bytes, state } });
    onTestFinished(async () => void (await worker.terminate()));
    expect(await once(worker, 'message')).toEqual(['asked']);
    const goOn = () => {
      Atomics.store(state, 0, 2);
      Atomics.notify(state, 0);
    };
    return { worker, goOn, load: () => new Engine({ cache }).load(bytes) };
  }

  test('does not keep other threads from loading the same code', async () => {
    const { worker, goOn, load } = await stuck();
    const instance = await Instance.create(await load());
    expect(await instance.call('f')).toBe(5);
    goOn();
    // Its own load went on as well, and its late answer makes no difference.
    expect(await once(worker, 'message')).toEqual(['loaded']);
  });

  test('leaves the load to another thread when it ends', async () => {
    const { worker, load } = await stuck();
    const loading = load();
    await worker.terminate();
    const instance = await Instance.create(await loading);
    expect(await instance.call('f')).toBe(5);
  });
});
