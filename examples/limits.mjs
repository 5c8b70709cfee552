// node examples/limits.mjs: guests that misbehave, and what their callers see.
import { Engine, Pool, RiptideError, wat2wasm } from 'riptide-wasm';

const engine = new Engine({ maxMemoryPages: 16 });
const code = await engine.load(
  wat2wasm(`(module
    (memory 1)
    (func (export "polite") (result i32) (memory.size))
    (func (export "hoard") (if (i32.lt_s (memory.grow (i32.const 100)) (i32.const 0)) (then unreachable)))
    (func (export "spin") (loop (br 0)))
    (func $deep (export "deep") (call $deep)))`),
);
const pool = new Pool(code, { max: 2, timeoutMillis: 200 });

for (const name of ['hoard', 'spin', 'deep', 'missing']) {
  try {
    await pool.call(name);
  } catch (error) {
    if (!(error instanceof RiptideError)) throw error;
    console.log(`${name}: ${error.code}: ${error.message}`);
  }
  // The instance that failed is gone; the next call gets a good one.
  console.log(`  then polite() still gives ${await pool.call('polite')} page`);
}

const { growFailures, currentPages, peakPages } = pool.tracker;
console.log({ growFailures, currentPages, peakPages }, pool.stats);
await pool.close();
