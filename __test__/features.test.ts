import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Engine, RiptideError, wat2wasm } from '../dist/index.js';
import { failure, loadWat } from './support.js';

const engine = new Engine({ cache: false });

/** Valid code that needs what Wasmtime lacks in this build. */
const LACKING: [feature: string, text: string][] = [
  ['externref', '(module (func (export "f") (param externref)))'],
  ['externref', '(module (table (export "t") 1 externref))'],
  ['externref', '(component (core module (func (param externref))))'],
  ['gc', '(module (type $s (struct (field i32))) (func (param (ref null $s))))'],
  ['gc', '(module (func (result anyref) (ref.i31 (i32.const 1))))'],
  ['exceptions', '(module (tag $e) (func (export "f") (throw $e)))'],
  ['exceptions', '(module (func (param exnref)))'],
  [
    'exceptions',
    `(module (tag $e (param i32)) (func (result i32)
      (block $h (result i32) (try_table (result i32) (catch $e $h) (throw $e (i32.const 42))))))`,
  ],
  ['threads', '(module (memory 1 1 shared))'],
  ['threads', '(module (import "env" "memory" (memory 1 1 shared)))'],
  ['threads', '(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))'],
  ['custom-page-sizes', '(module (memory 1 (pagesize 1)))'],
  ['stack-switching', '(module (type $f (func)) (type $c (cont $f)) (func (param (ref null $c))))'],
  ['wide-arithmetic', '(module (func (param i64 i64) (result i64 i64) (i64.mul_wide_s (local.get 0) (local.get 1))))'],
  ['shared-everything-threads', '(module (global (shared i32) (i32.const 0)))'],
  ['memory-control', '(module (memory 1) (func (memory.discard (i32.const 0) (i32.const 0))))'],
  ['component-model-async', '(component (core func (canon task.cancel)))'],
  ['component-model-async', '(component (type (stream u8)))'],
  ['component-model-async', '(component (import "f" (func async)))'],
  ['component-model-map', '(component (type (map string u32)))'],
  ['component-model-fixed-length-lists', '(component (type (list u8 4)))'],
  ['component-model-error-context', '(component (type error-context))'],
  ['component-model-values', '(component (import "v" (value $v u32)) (export "w" (value $v)))'],
];

test.each(LACKING)('code that needs %s is valid and not supported: %s', async (feature, text) => {
  const error = await failure(loadWat(engine, text));
  expect(error).toBeInstanceOf(RiptideError);
  expect(error).toMatchObject({
    code: 'ERR_UNSUPPORTED',
    message: `the code needs what is not supported: ${feature}`,
    details: { feature, offset: expect.any(Number) },
  });
});

test('so is the kind of exceptions that came first', async () => {
  // `try` and `catch_all`, which the text format has no more.
  const body = [0x01, 0x06, 0x00, 0x06, 0x40, 0x19, 0x0b, 0x0b];
  const sections = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x0a, body.length, ...body];
  const bytes = new Uint8Array([...Buffer.from('\0asm\x01\0\0\0'), ...sections]);
  const error = await failure(engine.load(bytes));
  expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', details: { feature: 'legacy-exceptions', offset: 23 } });
});

test('so is what the compiler has no room for', async () => {
  const table = `(func (param i32) (br_table ${'0 '.repeat(100_001)} (local.get 0)))`;
  const error = await failure(loadWat(engine, `(module ${table})`));
  expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', details: { feature: expect.stringContaining('br_table') } });
});

test('each is named in docs/limits.md', () => {
  const limits = readFileSync(new URL('../docs/limits.md', import.meta.url), 'utf8');
  for (const feature of [...LACKING.map(([name]) => name), 'legacy-exceptions'])
    expect(limits).toContain(`\`${feature}\``);
});

test('code that needs several is told all of them', async () => {
  const both = '(module (memory 1 1 shared) (tag $e) (func (throw $e)))';
  expect((await failure(loadWat(engine, both))).details).toMatchObject({ feature: 'threads, exceptions' });
});

test('a compiling process says it, too', async () => {
  const isolated = new Engine({ cache: false, compile: { isolated: true } });
  const error = await failure(loadWat(isolated, '(module (memory 1 1 shared))'));
  expect(error).toMatchObject({
    code: 'ERR_UNSUPPORTED',
    details: { feature: 'threads', offset: expect.any(Number) },
  });
  const invalid = await failure(loadWat(isolated, '(module (func (result i32) (i64.const 1)))'));
  expect(invalid).toMatchObject({ code: 'ERR_COMPILE' });
  expect(invalid.details).not.toHaveProperty('feature');
});

describe('code that is not valid', () => {
  test.each([
    ['by itself', '(module (func (result i32) (i64.const 1)))', /type mismatch/],
    ['with every feature', '(module (tag $e) (func (result i32) (throw $e) (i64.const 1)))', /type mismatch/],
    ['and lacks another', '(module (memory 1 1 shared) (func (result i32) (i64.const 1)))', /type mismatch/],
  ])('%s is ERR_COMPILE', async (_, text, message) => {
    const error = await failure(loadWat(engine, text));
    expect(error.code).toBe('ERR_COMPILE');
    expect(error.message).toMatch(message);
  });
});

describe('without SIMD', () => {
  const scalar = new Engine({ cache: false, simd: false });
  const simd = '(func (result v128) (v128.const i64x2 1 2))';

  test('code that needs it alone is ERR_SIMD_DISABLED', async () => {
    expect((await failure(loadWat(scalar, `(module ${simd})`))).code).toBe('ERR_SIMD_DISABLED');
  });

  test('code that needs more is not supported', async () => {
    const error = await failure(loadWat(scalar, `(module ${simd} (tag $e) (func (throw $e)))`));
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', details: { feature: 'exceptions' } });
  });
});

test('what Wasmtime has is not refused', async () => {
  const texts = [
    '(module (memory i64 1))',
    '(module (memory 1) (memory 1))',
    '(module (func $f (return_call $f)))',
    '(module (table 1 funcref) (func (export "f") (param funcref)))',
    '(module (type $f (func)) (func (param (ref null $f))))',
    '(module (global i32 (i32.add (i32.const 1) (i32.const 2))))',
  ];
  for (const text of texts) expect((await engine.load(wat2wasm(text))).kind).toBe('module');
});
