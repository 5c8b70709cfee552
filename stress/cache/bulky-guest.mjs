// Guests whose artefacts take a moment to write: a module with a megabyte of data, and its number both in data and in code.
import { wat2wasm } from '../../dist/index.js';
import { Random } from '../shared/random.mjs';

const BYTES = 2 ** 20;
/** Constants from here take five bytes each. */
const FIRST = 2 ** 28;
const MOST = FIRST + 2 ** 20;
/** Where the number stands in the data. */
const MARK = Buffer.from('its number: ');

/** The template that `bulky` makes guests from, and the sum of the words of its data. */
export function bulkyTemplate() {
  const random = new Random(1);
  const data = new Uint8Array(BYTES);
  data.set(MARK);
  // The number itself is zero in it.
  for (let at = MARK.length + 4; at < BYTES; at++) data[at] = random.between(0, 255);
  const text = Array.from(data, (byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('');
  const wasm = wat2wasm(`(module
    (memory ${BYTES / 65_536})
    (func (export "n") (result i32)
      (local $at i32) (local $sum i32)
      (local.set $sum (i32.const ${MOST}))
      (loop $again
        (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br_if $again (i32.lt_u (local.get $at) (i32.const ${BYTES}))))
      (local.get $sum))
    (data (i32.const 0) "${text}"))`);
  const sum = new Uint32Array(data.buffer).reduce((so, word) => (so + word) | 0, 0);
  return { wasm, sum };
}

/** A guest by its number. */
export function bulky(template, number) {
  const wasm = Buffer.from(template);
  wasm.set(constant(FIRST + number), wasm.indexOf(constant(MOST)));
  wasm.writeUInt32LE(number, wasm.indexOf(MARK) + MARK.length);
  return wasm;
}

/** The result of its function `n`: its number in code, plus the sum of the words of its data. */
export const bulkyAnswer = (sum, number) => (FIRST + number + sum + number) | 0;

/** As WebAssembly's binary format has it. */
function constant(value) {
  return Buffer.from([0, 7, 14, 21, 28].map((shift) => ((value >> shift) & 0x7f) | (shift < 28 ? 0x80 : 0)));
}
