// How late a call ends that is ended from outside.
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Engine, Pool, wat2wasm } from '../dist/index.js';

const GUEST = `(module
  (import "env" "ask" (func $ask))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "computes") (loop (br 0)))
  (func (export "waits on a host function") (call $ask))
  (func (export "sleeps in WASI")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))`;
const MILLIS = 23; // no whole number of epochs

/** The 95th percentile of how late, in milliseconds, by time and by signal, for each thing that a call may be doing. */
export async function lateness(quick) {
  const code = await new Engine({ cache: false }).load(wat2wasm(GUEST));
  const options = { max: 1, wasi: true, imports: { env: { ask: () => new Promise(() => {}) } } };
  const results = [];
  for (const doing of ['computes', 'sleeps in WASI', 'waits on a host function', 'is queued']) {
    const pool = new Pool(code, options);
    const name = doing === 'is queued' ? 'computes' : doing;
    const held = doing === 'is queued' ? pool.call('sleeps in WASI').catch(() => {}) : undefined;
    const late = { byTime: [], bySignal: [] };
    for (let round = 0; round < (quick ? 20 : 100); round++) {
      let began = performance.now();
      await pool.call(name, [], { timeoutMillis: MILLIS }).catch(() => {});
      late.byTime.push(performance.now() - began - MILLIS);
      const controller = new AbortController();
      const ended = pool.call(name, [], { signal: controller.signal }).catch(() => {});
      await delay(MILLIS);
      began = performance.now();
      controller.abort();
      await ended;
      late.bySignal.push(performance.now() - began);
    }
    const p95 = (times) => times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)];
    results.push({ doing, byTime: p95(late.byTime), bySignal: p95(late.bySignal) });
    await pool.destroy();
    await held;
  }
  return results;
}
