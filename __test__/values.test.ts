import { describe, expect, test } from 'vitest';
import { Engine } from '../dist/index.js';
import { component, failure, poolOf } from './support.js';

const engine = new Engine({ cache: false });

/** Gives each value back: scalars as they are flattened, lists and strings where they lie in memory. */
const ECHO = component(
  `(func (export "i32") (param i32) (result i32) (local.get 0))
   (func (export "i64") (param i64) (result i64) (local.get 0))
   (func (export "f32") (param f32) (result f32) (local.get 0))
   (func (export "f64") (param f64) (result f64) (local.get 0))
   (func (export "list") (param i32 i32) (result i32)
     (i32.store (i32.const 8) (local.get 0))
     (i32.store (i32.const 12) (local.get 1))
     (i32.const 8))
   (func (export "result") (param i32 i32) (result i32)
     (i32.store (i32.const 8) (local.get 0))
     (i32.store (i32.const 12) (local.get 1))
     (i32.const 8))`,
  `(type $color' (enum "red" "dark-green" "blue")) (export $color "color-type" (type $color'))
   (type $may' (flags "read" "write-all" "execute")) (export $may "may-type" (type $may'))
   (type $link' (record (field "full-url" string) (field "rel" (option string)) (field "at" u32)))
   (export $link "link" (type $link'))
   (type $shape' (variant (case "no-shape") (case "circle" f64) (case "named" string)))
   (export $shape "shape" (type $shape'))
   ${[
     ['bool', 'bool', 'i32'],
     ['u8', 'u8', 'i32'],
     ['s8', 's8', 'i32'],
     ['u16', 'u16', 'i32'],
     ['s16', 's16', 'i32'],
     ['u32', 'u32', 'i32'],
     ['s32', 's32', 'i32'],
     ['u64', 'u64', 'i64'],
     ['s64', 's64', 'i64'],
     ['f32', 'f32', 'f32'],
     ['f64', 'f64', 'f64'],
     ['char', 'char', 'i32'],
     ['color', '$color', 'i32'],
     ['may', '$may', 'i32'],
     ['string', 'string', 'list'],
     ...['u8', 's8', 'u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64', 'bool', 'char', 'string'].map((type) => [
       `list-${type}`,
       `(list ${type})`,
       'list',
     ]),
     ['list-color', '(list $color)', 'list'],
     ['list-may', '(list $may)', 'list'],
     ['list-link', '(list $link)', 'list'],
     ['list-shape', '(list $shape)', 'list'],
     ['list-tuple', '(list (tuple u8 u64 string))', 'list'],
     ['list-option', '(list (option u32))', 'list'],
     ['list-option-option', '(list (option (option u8)))', 'list'],
     ['list-result', '(list (result u32 (error string)))', 'list'],
     ['list-list', '(list (list u16))', 'list'],
   ]
     .map(
       ([name, type, core]) => `(func (export "${name}") (param "v" ${type}) (result ${type})
         (canon lift (core func $i "${core}") (memory $i "memory") (realloc (func $i "realloc"))))`,
     )
     .join('\n')}
   (func (export "outcome") (param "failed" u32) (param "v" u32) (result (result u32 (error $color)))
     (canon lift (core func $i "result") (memory $i "memory") (realloc (func $i "realloc"))))
   (func (export "maybe") (param "some" u32) (param "v" u32) (result (option u32))
     (canon lift (core func $i "result") (memory $i "memory") (realloc (func $i "realloc"))))
   (func (export "pair") (param "a" u32) (param "b" u32) (result (tuple u32 u32))
     (canon lift (core func $i "result") (memory $i "memory") (realloc (func $i "realloc"))))`,
);

const MIB = 1024 * 1024;

describe('values go in and come back unchanged:', () => {
  const same: [string, unknown][] = [
    ['bool', true],
    ['bool', false],
    ['u8', 255],
    ['s8', -128],
    ['u16', 65_535],
    ['s16', -32_768],
    ['u32', 4_294_967_295],
    ['s32', -2_147_483_648],
    ['u64', 18_446_744_073_709_551_615n],
    ['s64', -9_223_372_036_854_775_808n],
    ['f32', 1.5],
    ['f64', Math.PI],
    ['f64', Number.NaN],
    ['f64', Number.NEGATIVE_INFINITY],
    ['f64', -0],
    ['char', 'a'],
    ['char', '🌊'],
    ['color', 'dark-green'],
    ['may', { read: true, writeAll: false, execute: true }],
    ['string', ''],
    ['string', 'größe 🌊 \0 end'],
    ['string', 'x'.repeat(MIB)],
    ['list-u8', new Uint8Array([0, 1, 255])],
    ['list-u8', new Uint8Array(0)],
    ['list-s8', new Int8Array([-128, 127])],
    ['list-u16', new Uint16Array([0, 65_535])],
    ['list-s16', new Int16Array([-32_768, 1])],
    ['list-u32', new Uint32Array([0, 4_294_967_295])],
    ['list-s32', new Int32Array([-2_147_483_648, 1])],
    ['list-u64', new BigUint64Array([0n, 18_446_744_073_709_551_615n])],
    ['list-s64', new BigInt64Array([-9_223_372_036_854_775_808n, 1n])],
    ['list-f32', new Float32Array([1.5, Number.NaN])],
    ['list-f64', new Float64Array([Math.PI, Number.POSITIVE_INFINITY])],
    ['list-bool', [true, false, true]],
    ['list-char', ['a', 'ß', '🌊']],
    ['list-string', ['', 'ä', 'long '.repeat(100)]],
    ['list-color', ['red', 'blue']],
    ['list-may', [{ read: false, writeAll: true, execute: false }]],
    [
      'list-link',
      [
        { fullUrl: 'https://a', rel: 'nofollow', at: 1 },
        { fullUrl: '', rel: '', at: 2 },
      ],
    ],
    ['list-shape', [{ tag: 'no-shape' }, { tag: 'circle', val: 1.5 }, { tag: 'named', val: 'x' }]],
    ['list-tuple', [[1, 2n, 'three']]],
    ['list-option', [1, undefined, 0]],
    ['list-option-option', [{ tag: 'some', val: 5 }, { tag: 'some', val: undefined }, { tag: 'none' }]],
    [
      'list-result',
      [
        { tag: 'ok', val: 1 },
        { tag: 'err', val: 'no' },
      ],
    ],
    ['list-list', [new Uint16Array([1, 2]), new Uint16Array([])]],
  ];
  test.each(same)('%s', async (name, value) => {
    const pool = await poolOf(engine, ECHO, { max: 1 });
    expect(await pool.call(name, [value])).toEqual(value);
  });
});

describe('values may also be given as', () => {
  const given: [string, unknown, unknown][] = [
    ['string', Buffer.from('größe'), 'größe'],
    ['string', new TextEncoder().encode('🌊'), '🌊'],
    ['list-u8', [1, 2], new Uint8Array([1, 2])],
    ['list-u8', Buffer.from([1, 2]), new Uint8Array([1, 2])],
    ['list-u16', [1, 65_535], new Uint16Array([1, 65_535])],
    ['list-s64', [1n], new BigInt64Array([1n])],
    ['list-f64', [0.5], new Float64Array([0.5])],
    ['list-option', [null], [undefined]],
    ['list-link', [{ fullUrl: 'x', at: 1 }], [{ fullUrl: 'x', at: 1, rel: undefined }]],
    ['may', {}, { read: false, writeAll: false, execute: false }],
  ];
  test.each(given)('%s: %o', async (name, value, expected) => {
    const pool = await poolOf(engine, ECHO, { max: 1 });
    expect(await pool.call(name, [value])).toEqual(expected);
  });
});

describe('values that do not fit are refused by their path:', () => {
  const bad: [string, unknown, string][] = [
    ['bool', 1, 'args[0]'],
    ['u8', 256, 'args[0]'],
    ['u8', -1, 'args[0]'],
    ['s8', 128, 'args[0]'],
    ['u32', 1.5, 'args[0]'],
    ['u32', 4_294_967_296, 'args[0]'],
    ['u32', '1', 'args[0]'],
    ['u32', Number.NaN, 'args[0]'],
    ['u32', 1n, 'args[0]'],
    ['u64', 1, 'args[0]'],
    ['u64', -1n, 'args[0]'],
    ['s64', 9_223_372_036_854_775_808n, 'args[0]'],
    ['f64', '1', 'args[0]'],
    ['char', '', 'args[0]'],
    ['char', 'ab', 'args[0]'],
    ['char', '\ud800', 'args[0]'],
    ['color', 'pink', 'args[0]'],
    ['may', 'read', 'args[0]'],
    ['may', ['read'], 'args[0]'],
    ['may', { read: 1 }, 'args[0].read'],
    ['string', 5, 'args[0]'],
    ['list-u8', 5, 'args[0]'],
    ['list-u8', [1, 300], 'args[0][1]'],
    ['list-u16', new Float64Array(1), 'args[0]'],
    ['list-string', ['a', 5], 'args[0][1]'],
    ['list-link', [{ fullUrl: 'x', at: 1 }, { at: 2 }], 'args[0][1].fullUrl'],
    ['list-link', [{ fullUrl: 'x', at: 'y' }], 'args[0][0].at'],
    ['list-shape', [{ tag: 'square' }], 'args[0][0]'],
    ['list-shape', [{ tag: 'circle', val: 'x' }], 'args[0][0].val'],
    ['list-tuple', [[1, 2n]], 'args[0][0]'],
    ['list-result', [{ tag: 'ok', val: 'x' }], 'args[0][0].val'],
  ];
  test.each(bad)('%s: %o', async (name, value, path) => {
    const pool = await poolOf(engine, ECHO, { max: 1 });
    const error = await failure(pool.call(name, [value]));
    expect(error.code).toBe('ERR_BAD_ARGUMENT');
    expect(error.details).toMatchObject({
      path: expect.stringContaining(path),
      expected: expect.any(String),
      received: expect.any(String),
    });
    expect(pool.stats.created).toBeLessThanOrEqual(1);
  });

  test('bytes that are not UTF-8, where a string is wanted', async () => {
    const pool = await poolOf(engine, ECHO, { max: 1 });
    const error = await failure(pool.call('string', [new Uint8Array([0x61, 0xff])]));
    expect(error.code).toBe('ERR_BAD_ARGUMENT');
    expect(error.details).toMatchObject({ path: 'args[0]' });
  });

  test('too few and too many arguments', async () => {
    const pool = await poolOf(engine, ECHO);
    for (const args of [[], [1], [1, 2, 3]]) {
      const error = await failure(pool.call('pair', args));
      expect(error.details).toMatchObject({ path: 'args', expected: '2 arguments' });
    }
  });
});

describe('results', () => {
  test('of a top-level result return or throw', async () => {
    const pool = await poolOf(engine, ECHO, { max: 1, reuse: true });
    expect(await pool.call('outcome', [0, 5])).toBe(5);
    const error = await failure(pool.call('outcome', [1, 1]));
    expect(error.code).toBe('ERR_GUEST');
    expect(error.payload).toBe('dark-green');
    expect(pool.stats.destroyed).toBe(0);
  });

  test('that are options and tuples', async () => {
    const pool = await poolOf(engine, ECHO, { max: 1 });
    expect(await pool.call('maybe', [1, 5])).toBe(5);
    expect(await pool.call('maybe', [0, 5])).toBeUndefined();
    expect(await pool.call('pair', [1, 2])).toEqual([1, 2]);
  });

  test('are buffers of the caller', async () => {
    const pool = await poolOf(engine, ECHO, { max: 1, reuse: true });
    const first = await pool.call<Uint8Array>('list-u8', [new Uint8Array([1, 2, 3])]);
    await pool.call('list-u8', [new Uint8Array([9, 9, 9])]);
    expect(first).toEqual(new Uint8Array([1, 2, 3]));
  });
});

describe('arguments', () => {
  test('are read before the call returns', async () => {
    const pool = await poolOf(engine, ECHO, { max: 1 });
    const bytes = new Uint8Array(MIB).fill(1);
    const back = pool.call<Uint8Array>('list-u8', [bytes]);
    bytes.fill(2);
    expect((await back).every((byte) => byte === 1)).toBe(true);
  });
});

describe('values of a module', () => {
  const text = `(module
    (func (export "i32") (param i32) (result i32) (local.get 0))
    (func (export "i64") (param i64) (result i64) (local.get 0))
    (func (export "f32") (param f32) (result f32) (local.get 0))
    (func (export "f64") (param f64) (result f64) (local.get 0))
    (func (export "two") (result i32 i64) (i32.const 1) (i64.const 2))
    (func (export "none")))`;

  test('are numbers and bigints', async () => {
    const pool = await poolOf(engine, text, { max: 1 });
    expect(await pool.call('i32', [-5])).toBe(-5);
    expect(await pool.call('i32', [4_294_967_295])).toBe(-1);
    expect(await pool.call('i64', [-5n])).toBe(-5n);
    expect(await pool.call('f32', [0.5])).toBe(0.5);
    expect(await pool.call('f64', [Math.E])).toBe(Math.E);
    expect(await pool.call('two')).toEqual([1, 2n]);
    expect(await pool.call('none')).toBeUndefined();
    for (const [name, value] of [
      ['i32', 4_294_967_296],
      ['i32', -2_147_483_649],
      ['i32', 1n],
      ['i64', 1],
      ['f64', null],
    ] as const) {
      expect((await failure(pool.call(name, [value]))).code).toBe('ERR_BAD_ARGUMENT');
    }
  });
});
