import { describe, expect, test } from 'vitest';
import { CompileError, Engine, Instance, LinkError, Pool, wat2wasm } from '../dist/index.js';
import { component, failure, loadWat, thrown } from './support.js';

const engine = new Engine({ cache: false });

/** The longest text of a type, in bytes. */
const MAX_TEXT = 4096;

/** Records of two records, `depth` times: written out, it has a name of `length` for each of its 2 ** depth leaves. */
function doubling(depth: number, length: number): string {
  let types = '';
  for (let level = 1; level <= depth; level += 1) {
    const [name, inner] = level === 1 ? ['a'.repeat(length), 'u8'] : ['a', `$t${level - 1}`];
    types += `(type $q${level} (record (field "${name}" ${inner}) (field "b" ${inner})))
      (import "r${level}" (type $t${level} (eq $q${level})))`;
  }
  return types;
}

/** An enum of so many labels as the leaves of such a tree. */
function labels(count: number, depth: number): string {
  let types = `(type $e (enum ${Array.from({ length: count }, (_, label) => `"l${label}"`).join(' ')}))
    (import "e" (type $t0 (eq $e)))`;
  for (let level = 1; level <= depth; level += 1) types += `(type $t${level} (tuple $t${level - 1} $t${level - 1}))`;
  return types;
}

/** A component of these types that hands what it is given to the host. */
const handing = (types: string, ty: string) => `(component ${types}
  (import "f" (func $f (param "x" (list ${ty}))))
  (core module $libc (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16)))
  (core instance $libc (instantiate $libc))
  (core func $f' (canon lower (func $f) (memory $libc "memory")))
  (core module $m (import "" "f" (func $f (param i32 i32)))
    (func (export "hand") (param i32 i32) (call $f (local.get 0) (local.get 1))))
  (core instance $m (instantiate $m (with "" (instance (export "f" (func $f'))))))
  (func (export "hand") (param "x" (list ${ty}))
    (canon lift (core func $m "hand") (memory $libc "memory") (realloc (func $libc "realloc")))))`;

describe('types that share their parts', () => {
  // Written out, these have 670 MB, 660 MB and 1.4 MB.
  test.each([
    ['records', doubling(16, 10_000), '$t16'],
    ['enums', labels(5_000, 4), '$t4'],
    ['tuples', labels(1, 16), '$t16'],
  ])('take as much as their code: %s', async (_, types, ty) => {
    const text = handing(types, ty);
    const code = await loadWat(engine, text);
    expect(wat2wasm(text).length).toBeLessThan(60_000);
    const before = process.memoryUsage().rss;
    for (const { name, type } of [...code.imports, ...code.exports]) {
      if (type === undefined) continue;
      expect(['f', 'hand']).toContain(name);
      expect(Buffer.byteLength(type)).toBeLessThanOrEqual(MAX_TEXT);
      expect(type).toMatch(/^func\(x: list<(record|tuple)/);
      expect(type.endsWith('…')).toBe(true);
    }
    const given: unknown[] = [];
    const pool = new Pool(code, { imports: { f: (x: unknown) => void given.push(x) } });
    await pool.call('hand', [[]]);
    expect(given).toEqual([[]]);
    // What does not fit is told by its path and type, both of which have their end.
    const error = await failure(pool.call('hand', [[1]]));
    expect(error).toMatchObject({ code: 'ERR_BAD_ARGUMENT', details: { path: 'args[0][0]' } });
    expect(error.message.length).toBeLessThan(3 * MAX_TEXT);
    const missing = thrown(() => new Pool(code, {}));
    expect(missing).toBeInstanceOf(LinkError);
    expect(missing.message.length).toBeLessThan(2 * MAX_TEXT);
    await pool.close();
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  test('cross as any other, shared keys included', async () => {
    const leaf = { a: 1, b: 2 };
    const types = doubling(3, 1);
    const code = await loadWat(engine, handing(types, '$t3'));
    const value = { a: { a: leaf, b: leaf }, b: { a: leaf, b: { a: 3, b: 4 } } };
    const given: unknown[] = [];
    const instance = Instance.createSync(code, { imports: { f: (x: unknown) => void given.push(x) } });
    for (const count of [1, 5]) instance.callSync('hand', [Array(count).fill(value)]);
    expect(given).toEqual([[value], Array(5).fill(value)]);
    instance.close();
  });

  test('name what is wrong by a path of bounded length', async () => {
    const code = await loadWat(engine, handing(doubling(1, 50_000), '$t1'));
    const pool = new Pool(code, { imports: { f: () => {} } });
    const call = pool.call('hand', [[{ ['a'.repeat(50_000)]: 'x', b: 1 }]]);
    const error = await failure(call);
    expect(error).toMatchObject({ code: 'ERR_BAD_ARGUMENT' });
    expect(error.details).toMatchObject({ path: expect.stringMatching(/^args\[0\]\[0\]\.a+…$/) });
    expect(error.message.length).toBeLessThan(2 * MAX_TEXT);
    await pool.close();
  });
});

describe('names and types beyond compile.maxTypeBytes', () => {
  const instances = (count: number, length: number) => `(component
    (type $i (instance (export "${'n'.repeat(length)}" (func))))
    ${Array.from({ length: count }, (_, at) => `(import "i${at}" (instance (type $i)))`).join('')})`;

  test.each([
    ['an engine of its own process', {}],
    ['an isolated one', { compile: { isolated: true } }],
  ])('are refused by default, on %s', async (_, options) => {
    const error = await failure(loadWat(new Engine({ cache: false, ...options }), instances(900, 50_000)));
    expect(error).toBeInstanceOf(CompileError);
    expect(error).toMatchObject({
      code: 'ERR_COMPILE_LIMIT',
      details: { option: 'compile.maxTypeBytes', limit: 4 * 1024 ** 2 },
    });
  });

  test('are refused from the cache as well, and taken where more is allowed', async () => {
    const text = component(
      '(func (export "f"))',
      `(func (export "${'n'.repeat(2000)}") (canon lift (core func $i "f")))`,
    );
    const tight = new Engine({ compile: { maxTypeBytes: 4096 } });
    const wide = new Engine({ compile: { maxTypeBytes: 65_536 } });
    expect((await loadWat(wide, text)).exports).toHaveLength(1);
    for (const _ of [1, 2]) {
      expect(await failure(loadWat(tight, text))).toMatchObject({
        code: 'ERR_COMPILE_LIMIT',
        details: { option: 'compile.maxTypeBytes', limit: 4096 },
      });
    }
  });

  test('leave as many imports as a pool can look for at once', async () => {
    const imports = (count: number) => `(module ${'(import "" "" (func))'.repeat(count)} (func (export "f")))`;
    expect(await failure(loadWat(engine, imports(1400)))).toMatchObject({ code: 'ERR_COMPILE_LIMIT' });
    let calls = 0;
    const pool = new Pool(await loadWat(engine, imports(1300)), { imports: { '': { '': () => (calls += 1) } } });
    await pool.call('f');
    expect(calls).toBe(0);
    await pool.close();
  });

  test('leave as many parameters of imports as a pool can link at once, though they share a type', async () => {
    const imports = (count: number, params: number) =>
      `(module (type $t (func (param ${'i64 '.repeat(params)}))) ${'(import "" "" (func (type $t)))'.repeat(count)})`;
    expect(await failure(loadWat(engine, imports(100, 1000)))).toMatchObject({ code: 'ERR_COMPILE_LIMIT' });
    expect((await loadWat(engine, imports(900, 10))).imports).toHaveLength(900);
  });

  test('leave messages about imports their end, and the list whole', async () => {
    const names = Array.from({ length: 1100 }, (_, at) => `f${at}-${'n'.repeat(100)}`);
    const imports = names.map((name) => `(import "${name}" (func (param "x" (list u8)) (result string)))`);
    const code = await loadWat(engine, `(component ${imports.join('')})`);
    const pool = () => new Pool(code, { imports: { [`${names[7]}`]: () => '' } });
    const error = thrown(pool);
    expect(error.message.length).toBeLessThan(2 * MAX_TEXT);
    const { missing } = error.details as { missing: string[] };
    expect(missing).toHaveLength(1099);
    expect(missing[0]).toBe(`${names[0]}: func(x: list<u8>) -> string`);
    expect(missing.at(-1)).toBe(`${names.at(-1)}: function`);
  });
});

describe('types in each other', () => {
  const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
  const types = (bytes: number[]) =>
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, 7, ...leb(bytes.length), ...bytes]);
  /** The type of a component that declares the type of a component … */
  const declared = (depth: number) => types([1, ...Array(depth).fill([0x41, 1, 1]).flat(), 0x7d]);
  /** Types of instances, each of which exports an instance of the one before. */
  const exported = (count: number) => {
    const [outer, name] = [
      [0x02, 0x03, 0x02, 1],
      [0x00, 1, 0x78],
    ];
    const more = Array.from({ length: count - 1 }, (_, before) => [
      0x42,
      2,
      ...outer,
      ...leb(before),
      0x04,
      ...name,
      5,
      0,
    ]);
    return types([...leb(count), 0x42, 0, ...more.flat()]);
  };

  test.each([1001, 3000, 100_000])('are refused before they use up a stack: %i', async (depth) => {
    for (const maxNesting of [undefined, 100_000]) {
      const own = maxNesting === undefined ? engine : new Engine({ cache: false, compile: { maxNesting } });
      expect(await failure(own.load(declared(depth)))).toMatchObject({
        code: 'ERR_COMPILE_LIMIT',
        details: { option: 'compile.maxNesting', limit: 1000 },
      });
    }
    expect((await engine.load(declared(1000))).kind).toBe('component');
  });

  test.each([false, true])('that the compiler cannot count are its refusal, isolated: %s', async (isolated) => {
    const own = new Engine({ cache: false, compile: { isolated } });
    expect((await own.load(exported(100))).kind).toBe('component');
    const error = await failure(own.load(exported(130)));
    expect(error).toBeInstanceOf(CompileError);
    expect(error).toMatchObject({ code: 'ERR_COMPILE' });
    expect((await own.load(exported(100))).kind).toBe('component');
  });
});
