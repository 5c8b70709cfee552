// What guests that behave badly cost those that do not, and the event loop.
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Engine, Pool, wat2wasm } from '../dist/index.js';

const GUEST = `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "work") (param $rounds i32) (result i32)
    (loop (br_if 0 (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (local.get $rounds))
  (func (export "loops") (loop (br 0)))
  (func (export "traps") unreachable)
  (func (export "sleeps")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))`;

/** Rounds of `work` that take about a millisecond, and about twelve: above two epochs. */
const ROUNDS = { 'short call (1 ms)': 1_500_000, 'long call (12 ms)': 18_000_000 };
const BAD = ['loops', 'sleeps', 'traps'];
const BAD_AT_ONCE = 8;

function p99(times) {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)];
}

/** 99th percentiles of a good call alone and beside a pool full of bad guests, in milliseconds. */
export async function neighbours(quick) {
  const engine = new Engine({ cache: false });
  const code = await engine.load(wat2wasm(GUEST));
  const good = new Pool(code, { max: 1, reuse: true, wasi: true });
  const results = [];
  for (const [what, rounds] of Object.entries(ROUNDS)) {
    const measure = async () => {
      const times = [];
      for (let call = 0; call < (quick ? 100 : 400); call++) {
        const began = performance.now();
        await good.call('work', [rounds]);
        times.push(performance.now() - began);
      }
      return p99(times);
    };
    await measure();
    const alone = await measure();
    for (const name of BAD) {
      const pool = new Pool(code, { max: BAD_AT_ONCE, timeoutMillis: 100, wasi: true });
      let on = true;
      const callers = Array.from({ length: BAD_AT_ONCE }, async () => {
        // One that traps comes back at once: a caller with some sense waits a little.
        while (on) await pool.call(name).catch(() => delay(name === 'traps' ? 1 : 0));
      });
      await delay(300);
      results.push({ what, name, alone, beside: await measure() });
      on = false;
      await pool.destroy();
      await Promise.all(callers);
    }
  }
  await good.close();
  return results;
}

/** The 99th percentile of the event loop's delay without guests, and with more that compute than there are cores. */
export async function eventLoop(quick) {
  const engine = new Engine({ cache: false });
  const pool = new Pool(await engine.load(wat2wasm(GUEST)), { max: BAD_AT_ONCE, wasi: true });
  const measure = async () => {
    const histogram = monitorEventLoopDelay({ resolution: 1 });
    histogram.enable();
    await delay(quick ? 1_000 : 5_000);
    histogram.disable();
    return histogram.percentile(99) / 1e6;
  };
  const idle = await measure();
  const ends = Array.from({ length: BAD_AT_ONCE }, () => pool.call('loops').catch(() => {}));
  await delay(100);
  const busy = await measure();
  await pool.destroy();
  await Promise.all(ends);
  return { idle, busy };
}
