import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CompileError, type CompileOptions, Engine, Instance, OptionError, wat2wasm } from '../dist/index.js';
import {
  component,
  eventually,
  failure,
  loadWat,
  MATH,
  poolOf,
  temporaryFolder,
  thrown,
  turnsDuring,
} from './support.js';

const MIB = 1024 ** 2;
const SIMD = '(module (func (export "f") (result v128) (v128.const i64x2 1 2)))';
const DOUBLE = component(
  '(func (export "double") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))',
  '(func (export "double") (param "n" u32) (result u32) (canon lift (core func $i "double")))',
);

const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);

function section(id: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([id, ...leb(bytes.length)]), bytes]);
}

/**
 * Functions of 4 MB each, whose only local goes times three plus seven again and again: Cranelift takes seconds for one,
 * and hundreds of megabytes. Built from bytes, since reading it as text would take as long.
 */
function slowToCompile(functions = 1): Uint8Array {
  const steps = Buffer.alloc(4_000_000, Buffer.from([0x20, 0, 0x41, 3, 0x6c, 0x41, 7, 0x6a, 0x21, 0]));
  const body = Buffer.concat([Buffer.from([0]), steps, Buffer.from([0x20, 0, 0x0b])]);
  const bodies = Array.from({ length: functions }, () => [Buffer.from(leb(body.length)), body]).flat();
  return Buffer.concat([
    Buffer.from('\0asm\x01\0\0\0', 'latin1'),
    section(1, Buffer.from([1, 0x60, 1, 0x7f, 1, 0x7f])),
    section(3, Buffer.from([functions, ...Array<number>(functions).fill(0)])),
    section(7, Buffer.from([1, 1, 0x66, 0, 0])),
    section(10, Buffer.concat([Buffer.from([functions]), ...bodies])),
  ]);
}

/** So many functions that do nothing. */
function emptyFunctions(count: number): Uint8Array {
  const list = (item: number[]) =>
    Buffer.concat([Buffer.from(leb(count)), Buffer.alloc(count * item.length, Buffer.from(item))]);
  return Buffer.concat([
    Buffer.from('\0asm\x01\0\0\0', 'latin1'),
    section(1, Buffer.from([1, 0x60, 0, 0])),
    section(3, list([0])),
    section(10, list([2, 0, 0x0b])),
  ]);
}

/** An engine that compiles in a process of its own, and keeps nothing. */
const isolating = (options: CompileOptions = {}) =>
  new Engine({ cache: false, compile: { isolated: true, ...options } });

async function addsUp(engine: Engine): Promise<void> {
  const pool = await poolOf(engine, MATH, { max: 1 });
  expect(await pool.call('add', [20, 22])).toBe(42);
}

/** The process ids of this process's children, or of another's. */
function childrenOf(parent: number | undefined = process.pid): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in parentheses may hold anything.
      return Number(stat.slice(stat.lastIndexOf(')')).split(' ')[2]) === parent;
    } catch {
      return false; // not a process, or one that has ended
    }
  });
}

/** This process's children and descriptors. */
function held(): string[] {
  const descriptors = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return `descriptor ${descriptor}: ${readlinkSync(`/proc/self/fd/${descriptor}`)}`;
    } catch {
      return ''; // the one of this very look
    }
  });
  return [...descriptors, ...childrenOf().map((pid) => `child ${pid}`)];
}

describe('compiling in a process of its own', () => {
  test('gives code that works, of modules and of components', async () => {
    const engine = isolating();
    await addsUp(engine);
    const pool = await poolOf(engine, DOUBLE, { max: 1 });
    expect(pool.code.kind).toBe('component');
    expect(await pool.call('double', [21])).toBe(42);
    expect(engine.stats.compile.count).toBe(2);
  });

  test.each([
    ['for this processor', 'native'],
    ['for every processor', 'baseline'],
  ] as const)('%s leaves an artefact that engines without it use, and the reverse', async (_, cpu) => {
    const cache = { directory: temporaryFolder() };
    const isolated = new Engine({ cache, cpu, compile: { isolated: true } });
    const plain = new Engine({ cache, cpu });
    for (const [first, second, text, name] of [
      [isolated, plain, MATH, 'add'],
      [isolated, plain, DOUBLE, 'double'],
      [plain, isolated, '(module (func (export "neg") (param i32) (result i32) (i32.const -1)))', 'neg'],
    ] as const) {
      expect((await loadWat(first, text)).cacheHit).toBe(false);
      const code = await loadWat(second, text);
      expect(code.cacheHit).toBe(true);
      const instance = await Instance.create(code);
      onTestFinished(() => instance.close());
      expect(await instance.call(name, name === 'add' ? [40, 2] : [21])).toBe(name === 'neg' ? -1 : 42);
    }
    expect(isolated.cache.snapshot()).toMatchObject({ misses: 2, diskHits: 1, rejected: { incompatible: 0 } });
    expect(plain.cache.snapshot()).toMatchObject({ misses: 1, diskHits: 2, rejected: { incompatible: 0 } });
  });

  test.each([
    ['time', { timeoutMillis: 300 }, 300],
    ['memory', { memoryBytes: 128 * MIB }, 128 * MIB],
  ] as const)('ends what takes more %s than it may, off the event loop', async (_, compile, limit) => {
    const engine = isolating(compile);
    const loading = failure(engine.load(slowToCompile()));
    expect(await turnsDuring(loading)).toBeGreaterThan(10);
    const error = await loading;
    expect(error).toBeInstanceOf(CompileError);
    expect(error.code).toBe('ERR_COMPILE_LIMIT');
    expect(error.details).toEqual({ option: `compile.${Object.keys(compile)[0]}`, limit });
    expect(error.message).not.toMatch(/\n/);
    expect(engine.stats.compile.count).toBe(0);
    await addsUp(engine);
  });

  test('leaves the event loop and the guests of other engines their time', async () => {
    const pool = await poolOf(new Engine({ cache: false }), MATH, { max: 1 });
    const loading = isolating().load(slowToCompile());
    let pending = true;
    const turns = turnsDuring(loading).finally(() => {
      pending = false;
    });
    let calls = 0;
    while (pending) {
      expect(await pool.call('add', [calls, 1])).toBe(++calls);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect((await loading).kind).toBe('module');
    expect(await turns).toBeGreaterThan(100);
    expect(calls).toBeGreaterThan(100);
  });

  test('keeps nobody waiting who needs no compiler', async () => {
    const directory = temporaryFolder();
    await loadWat(new Engine({ cache: { directory } }), DOUBLE);
    const engine = new Engine({ cache: { directory }, compile: { isolated: true, timeoutMillis: 500 } });
    await loadWat(engine, MATH);
    const order: string[] = [];
    // More than there are threads to compile with.
    const slow = [1, 2, 3, 4].map(async (functions) => {
      expect(await failure(engine.load(slowToCompile(functions)))).toMatchObject({ code: 'ERR_COMPILE_LIMIT' });
      order.push('compiler');
    });
    await loadWat(engine, MATH);
    order.push('memory');
    // At once: nor does one that waits for another that looks.
    await Promise.all(Array.from({ length: 8 }, () => loadWat(engine, DOUBLE)));
    order.push('disk');
    await Promise.all(slow);
    expect(order).toEqual(['memory', 'disk', ...slow.map(() => 'compiler')]);
    expect(engine.cache.snapshot()).toMatchObject({ memoryHits: 8, diskHits: 1 });
  });

  test.each([
    ['a body that does not validate', () => wat2wasm('(module (func (result i32) (i64.const 1)))')],
    ['a module that is cut short', () => wat2wasm(MATH).slice(0, -10)],
    ['a component that is cut short', () => wat2wasm(DOUBLE).slice(0, -10)],
    ['a header and noise', () => Buffer.concat([wat2wasm('(module)'), Buffer.alloc(1000, 0xa5)])],
    ['no WebAssembly', () => Buffer.from('<!doctype html>')],
    ['nothing', () => new Uint8Array(0)],
  ])('says of %s what is said without it', async (_, bytes) => {
    const here = await failure(new Engine({ cache: false }).load(bytes()));
    const there = await failure(isolating().load(bytes()));
    const facts = ({ name, code, message, details }: typeof here) => ({ name, code, message, details });
    expect(facts(there)).toEqual(facts(here));
    expect(there).toBeInstanceOf(CompileError);
    expect(there).toMatchObject({ code: 'ERR_COMPILE', details: { offset: expect.any(Number) } });
  });

  test('refuses SIMD where the engine does', async () => {
    const engines = [true, false].map((isolated) => new Engine({ cache: false, simd: false, compile: { isolated } }));
    const [there, here] = await Promise.all(engines.map((engine) => failure(loadWat(engine, SIMD))));
    expect(there).toMatchObject({ code: 'ERR_SIMD_DISABLED', details: { offset: expect.any(Number) } });
    expect(there?.details).toEqual(here?.details);
    expect((await loadWat(isolating(), SIMD)).kind).toBe('module');
  });

  test.skipIf(process.platform !== 'linux')('leaves no process and no descriptor (/proc of Linux)', async () => {
    const bad = [
      [isolating({ timeoutMillis: 100 }), slowToCompile()],
      [isolating({ memoryBytes: 128 * MIB }), slowToCompile()],
      [isolating(), wat2wasm('(module (func (result i32) (i64.const 1)))')],
    ] as const;
    const good = isolating();
    await addsUp(good);
    const before = held();
    await addsUp(good);
    for (const [engine, bytes] of bad) expect(await failure(engine.load(bytes))).toBeInstanceOf(CompileError);
    // Collecting garbage may close what other engines held.
    expect(held().filter((each) => !before.includes(each))).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')('ends with the process that wants the code (/proc of Linux)', async () => {
    const file = join(temporaryFolder(), 'slow.wasm');
    writeFileSync(file, slowToCompile(8));
    const index = fileURLToPath(new URL('../dist/index.js', import.meta.url));
    const script = `import { Engine } from ${JSON.stringify(index)};
      await new Engine({ cache: false, compile: { isolated: true, maxBytes: ${64 * MIB} } }).load(process.argv[1]);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script, file], { stdio: 'ignore' });
    onTestFinished(() => void parent.kill('SIGKILL'));
    let child: string | undefined;
    await eventually(() => {
      [child] = childrenOf(parent.pid);
      const status = child === undefined ? '' : readFileSync(`/proc/${child}/status`, 'utf8');
      // Far beyond what Node holds when it starts: it has read what it is to compile, and is at it.
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024 > 150 * MIB;
    });
    expect(readFileSync(`/proc/${child}/cmdline`, 'utf8')).toContain('compileStandardInput');
    const ended = once(parent, 'exit');
    parent.kill('SIGKILL');
    await ended;
    await eventually(() => !existsSync(`/proc/${child}`));
  });
});

describe.each([false, true])('limits of what is compiled, isolated: %s', (isolated) => {
  const nested = (depth: number) => `${'(component '.repeat(depth)}${')'.repeat(depth)}`;
  const blocks = (depth: number) => `(module (func ${'(block '.repeat(depth)}${')'.repeat(depth)}))`;
  const functions = (count: number) => `(module ${'(func)'.repeat(count)})`;
  const types = (depth: number) =>
    `(component ${'(type (component '.repeat(depth - 1)}(type (instance))${'))'.repeat(depth - 1)})`;
  const inComponents = (depth: number, inner: string) => `${'(component '.repeat(depth)}${inner}${')'.repeat(depth)}`;
  const canonical = (count: number) =>
    `(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
       ${'(func (canon lift (core func $i "f")))'.repeat(count)})`;
  const modules = (count: number) => `(component ${`(core module ${'(func)'.repeat(count / 2)})`.repeat(2)})`;

  test.each([
    ['functions', 'maxFunctions', 10, functions(10), functions(11)],
    ['functions over the modules of a component', 'maxFunctions', 10, modules(10), modules(12)],
    ['blocks in each other', 'maxNesting', 5, blocks(5), blocks(6)],
    ['components in each other', 'maxNesting', 5, nested(6), nested(7)],
    ['types in each other', 'maxNesting', 5, types(5), types(6)],
    ['types and components in each other', 'maxNesting', 5, inComponents(2, types(3)), inComponents(2, types(4))],
    ['functions of the canonical ABI', 'maxFunctions', 11, canonical(10), canonical(11)],
    ['bytes', 'maxBytes', wat2wasm(MATH).length, MATH, functions(1000)],
  ])('refuse more %s, and the process goes on', async (_, option, limit, good, bad) => {
    const engine = new Engine({ cache: false, compile: { isolated, [option]: limit } });
    const error = await failure(loadWat(engine, bad));
    expect(error).toBeInstanceOf(CompileError);
    expect(error.code).toBe('ERR_COMPILE_LIMIT');
    expect(error.details).toEqual({ option: `compile.${option}`, limit });
    expect(error.message).toContain(String(limit));
    expect((await loadWat(engine, good)).cacheHit).toBe(false);
    // It is within the defaults.
    expect((await loadWat(new Engine({ cache: false }), bad)).cacheHit).toBe(false);
  });

  test.each([
    ['an engine with', { compile: { isolated } }],
    ['an engine without', {}],
  ])('hold by default and for files, on %s the option', async (_, options) => {
    const engine = new Engine({ cache: false, ...options });
    expect((await failure(loadWat(engine, blocks(1001)))).details).toMatchObject({ option: 'compile.maxNesting' });
    expect((await loadWat(engine, blocks(1000))).kind).toBe('module');
    const many = await failure(engine.load(emptyFunctions(100_001)));
    expect(many.details).toEqual({ option: 'compile.maxFunctions', limit: 100_000 });
    const file = join(temporaryFolder(), 'large.wasm');
    writeFileSync(file, Buffer.concat([wat2wasm('(module)'), Buffer.alloc(64 * MIB)]));
    expect((await failure(engine.load(file))).details).toEqual({ option: 'compile.maxBytes', limit: 64 * MIB });
  });
});

describe('limits of compiling', () => {
  test('keep nothing of what they refuse', async () => {
    const directory = temporaryFolder();
    const engine = new Engine({ cache: { directory }, compile: { isolated: true, timeoutMillis: 100 } });
    const bytes = slowToCompile();
    for (const misses of [1, 2]) {
      expect(await failure(engine.load(bytes))).toMatchObject({ code: 'ERR_COMPILE_LIMIT' });
      expect(engine.cache.snapshot()).toMatchObject({ misses, hits: 0, entries: 0, writeFailures: 0 });
    }
    expect(await engine.cache.entries()).toEqual([]);
  });

  test('are told to all who asked for the same code at once', async () => {
    const engine = new Engine({
      cache: { directory: temporaryFolder() },
      compile: { isolated: true, timeoutMillis: 200 },
    });
    const bytes = slowToCompile();
    const errors = await Promise.all(Array.from({ length: 20 }, () => failure(engine.load(bytes))));
    for (const error of errors) expect(error).toMatchObject({ code: 'ERR_COMPILE_LIMIT' });
    // Compiled once, and not by each in turn.
    expect(engine.cache.misses).toBe(1);
  });

  test.each([
    [{ timeoutMillis: 1000 }, 'compile.timeoutMillis'],
    [{ memoryBytes: 512 * MIB }, 'compile.memoryBytes'],
    [{ isolated: false, timeoutMillis: 1000 }, 'compile.timeoutMillis'],
    [{ isolated: true, timeoutMillis: 0 }, 'compile.timeoutMillis'],
    [{ isolated: true, memoryBytes: 1000 }, 'compile.memoryBytes'],
    [{ isolated: 'yes' }, 'compile.isolated'],
    [{ maxBytes: 7 }, 'compile.maxBytes'],
    [{ maxFunctions: 0 }, 'compile.maxFunctions'],
    [{ maxNesting: 1.5 }, 'compile.maxNesting'],
    [{ maxTypeBytes: 1023 }, 'compile.maxTypeBytes'],
    [{ maxDepth: 1 }, 'compile.maxDepth'],
    [true, 'compile'],
  ])('%j is ERR_BAD_OPTION', (compile, option) => {
    const error = thrown(() => new Engine({ cache: false, compile: compile as CompileOptions }));
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option } });
  });
});
