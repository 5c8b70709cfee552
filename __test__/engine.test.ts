import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { buildInfo, Component, Engine, Module, wat2wasm } from '../dist/index.js';
import { component, failure, MATH, temporaryFolder, thrown } from './support.js';

const COMPONENT = component(
  '(func (export "seven") (result i32) (i32.const 7))',
  '(func (export "seven") (result u32) (canon lift (core func $i "seven")))',
);
const SIMD = '(module (func (export "f") (result i32) (i32x4.extract_lane 0 (v128.const i32x4 1 2 3 4))))';

describe('Engine options', () => {
  const bad: [string, unknown][] = [
    ['simd', 'yes'],
    ['metrics', 1],
    ['workers', 0],
    ['workers', 1.5],
    ['workers', '2'],
    ['maxInstances', 0],
    ['maxInstances', 4097],
    ['maxMemoryPages', 0],
    ['maxMemoryPages', 65_537],
    ['maxMemoryPages', Number.NaN],
    ['signalsBasedTraps', null],
    ['cache', 'folder'],
    ['coldStartTargetMillis', -1],
  ];
  test.each(bad)('refuse %s: %j', (option, value) => {
    const error = thrown(() => new Engine({ [option]: value, cache: option === 'cache' ? (value as never) : false }));
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.details).toMatchObject({ option, allowed: expect.any(String) });
    expect(error.message).toContain(option);
  });

  test('refuse unknown names, and say which there are', () => {
    const error = thrown(() => new Engine({ worker: 2 } as never));
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.details).toMatchObject({ option: 'worker', value: 2, allowed: expect.arrayContaining(['workers']) });
    expect(thrown(() => new Engine({ cache: { dir: 'x' } as never })).details).toMatchObject({ option: 'cache.dir' });
    expect(thrown(() => new Engine({ cache: { trust: 'all' as never } })).code).toBe('ERR_BAD_OPTION');
    expect(thrown(() => new Engine(5 as never)).code).toBe('ERR_BAD_OPTION');
  });

  test('may be undefined, which is the default', () => {
    const options = { cache: false, simd: undefined } as never;
    expect(new Engine(options).tracker.simdEnabled).toBe(true);
  });
});

describe('Engine.load', () => {
  const engine = new Engine({ cache: false });

  test('takes bytes, a path and a file: URL', async () => {
    const bytes = wat2wasm(MATH);
    const file = join(temporaryFolder(), 'math.wasm');
    writeFileSync(file, bytes);
    for (const source of [bytes, Buffer.from(bytes), file, pathToFileURL(file)]) {
      const code = await engine.load(source);
      expect(code).toBeInstanceOf(Module);
      expect(code.kind).toBe('module');
      expect(code.engine).toBe(engine);
      expect(code.loadMillis).toBeGreaterThan(0);
      expect(code.exports.map(({ name }) => name)).toEqual(['add', 'count', 'fail', 'divide']);
    }
  });

  test('takes bytes of another realm', async () => {
    const bytes: Uint8Array = runInNewContext('Uint8Array.from(given)', { given: wat2wasm(MATH) });
    expect(bytes).not.toBeInstanceOf(Uint8Array);
    expect((await new Engine({ cache: false }).load(bytes)).kind).toBe('module');
  });

  test('tells modules from components by the header', async () => {
    const code = await engine.load(wat2wasm(COMPONENT));
    expect(code).toBeInstanceOf(Component);
    expect(code.kind).toBe('component');
    expect(code.exports).toMatchObject([{ name: 'seven', kind: 'function' }]);
  });

  test('refuses the other kind where one is asked for', async () => {
    expect(await engine.loadModule(wat2wasm(MATH))).toBeInstanceOf(Module);
    expect(await engine.loadComponent(wat2wasm(COMPONENT))).toBeInstanceOf(Component);
    const error = await failure(engine.loadModule(wat2wasm(COMPONENT)));
    expect(error.code).toBe('ERR_WRONG_KIND');
    expect(error.details).toEqual({ expected: 'module', received: 'component' });
    expect((await failure(engine.loadComponent(wat2wasm(MATH)))).code).toBe('ERR_WRONG_KIND');
  });

  test('names imports and exports', async () => {
    const code = await engine.load(
      wat2wasm('(module (import "env" "f" (func (param i32))) (memory (export "mem") 1))'),
    );
    expect(code.imports).toMatchObject([{ name: 'env#f', kind: 'function' }]);
    expect(code.exports).toMatchObject([{ name: 'mem', kind: 'memory' }]);
  });

  test('says what cannot be read', async () => {
    const file = join(temporaryFolder(), 'none.wasm');
    const error = await failure(engine.load(file));
    expect(error.code).toBe('ERR_READ');
    expect(error.details).toMatchObject({ path: file });
    expect((await failure(engine.load(temporaryFolder()))).code).toBe('ERR_READ');
  });

  test.each([5, undefined, '', 'a\0b', new URL('https://example.com/x.wasm'), {}])(
    'refuses %s as a source',
    async (source) => {
      const error = await failure(engine.load(source as never));
      expect(error.code).toBe('ERR_BAD_ARGUMENT');
      expect(error.details).toMatchObject({ path: 'source' });
    },
  );

  test('refuses SIMD code by name where SIMD is off', async () => {
    expect((await engine.load(wat2wasm(SIMD))).kind).toBe('module');
    const scalar = new Engine({ cache: false, simd: false });
    expect(scalar.simd).toBe(false);
    expect(scalar.tracker.simdEnabled).toBe(false);
    const error = await failure(scalar.load(wat2wasm(SIMD)));
    expect(error.code).toBe('ERR_SIMD_DISABLED');
    expect((await scalar.load(wat2wasm(MATH))).kind).toBe('module');
  });
});

describe('Engine', () => {
  test('shows its numbers', () => {
    const engine = new Engine({ cache: false, workers: 2, maxInstances: 10, coldStartTargetMillis: 9 });
    expect(engine.stats).toMatchObject({ workers: 2, slots: 10, cacheHits: 0, cacheMisses: 0 });
    expect(engine.stats.allocation).toMatch(/^(pooling-4gib|pooling-limit|on-demand)$/);
    expect(engine.health().coldStart).toEqual({ targetMillis: 9, lastMillis: undefined, slowStarts: 0 });
    expect(engine.stats).not.toBe(engine.stats);
  });

  test('says what it was built from', () => {
    expect(buildInfo()).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      wasmtime: expect.stringMatching(/^\d+\.\d+\.\d+/),
      target: expect.stringMatching(/-/),
      guestHash: expect.any(String),
    });
  });
});
