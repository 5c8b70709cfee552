import { describe, expect, test } from 'vitest';
import { Engine, HostFunctionError, Instance, LinkError, Pool, type PoolOptions } from '../dist/index.js';
import { BUMP_ALLOCATOR } from '../stress/shared/bump-allocator.mjs';
import { ASK, failure, loadWat, poolOf, run, thrown } from './support.js';

const engine = new Engine({ cache: false });

const ask = (call: (n: number) => unknown) => poolOf(engine, ASK, { max: 1, imports: { env: { ask: call } } });

describe('a host function', () => {
  test('answers now or later', async () => {
    expect(await (await ask((n) => n + 1)).call('run', [1])).toBe(2);
    expect(await (await ask(async (n) => n + 1)).call('run', [1])).toBe(2);
    expect(await (await ask((n) => new Promise((resolve) => setTimeout(resolve, 5, n * 3)))).call('run', [2])).toBe(6);
  });

  test('answers many calls at once', async () => {
    const pool = await poolOf(engine, ASK, { max: 8, imports: { env: { ask: async (n: number) => n } } });
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    expect(await Promise.all(numbers.map((n) => pool.call('run', [n])))).toEqual(numbers);
  });

  test.each([
    [
      'throws',
      () => {
        throw new RangeError('mine');
      },
    ],
    ['rejects', async () => Promise.reject(new RangeError('mine'))],
  ])('that %s fails the call with its cause', async (_, call) => {
    const pool = await ask(call);
    const error = await failure(pool.call('run', [1]));
    expect(error).toBeInstanceOf(HostFunctionError);
    expect(error.code).toBe('ERR_HOST_FUNCTION');
    expect(error.cause).toEqual(new RangeError('mine'));
    expect(error.details).toMatchObject({ function: 'env#ask' });
    expect(await pool.call('seven')).toBe(7);
  });

  test('may throw anything', async () => {
    const pool = await ask(() => {
      throw undefined;
    });
    const error = await failure(pool.call('run', [1]));
    expect(error.code).toBe('ERR_HOST_FUNCTION');
    expect('cause' in error).toBe(true);
    expect(error.cause).toBeUndefined();
  });

  test('may call its pool very often', async () => {
    const pool = await poolOf(engine, ASK, {
      max: 2,
      reuse: true,
      timeoutMillis: 20_000,
      imports: {
        env: {
          ask: async (n: number) => {
            for (let call = 0; n > 0 && call < 3_000; call++) await pool.call('seven');
            return n;
          },
        },
      },
    });
    expect(await pool.call('run', [1])).toBe(1);
  });

  test.each(['text', 1.5, 1n, undefined, {}])('that returns %s for an i32 fails the call by name', async (value) => {
    const pool = await ask(() => value);
    const error = await failure(pool.call('run', [1]));
    expect(error.code).toBe('ERR_HOST_FUNCTION');
    expect(error.details).toMatchObject({ function: 'env#ask', path: 'result' });
    expect(await pool.call('seven')).toBe(7);
  });

  test('is kept while a call or a function of its owner may need it', async () => {
    // Without warnings: how the engine got its memory may be one.
    const ended = await run('__test__/fixtures/collected.mjs', [], { node: ['--expose-gc', '--no-warnings'] });
    expect(ended).toEqual({ code: 0, stdout: '[3,4,5,6,7]\n3\n', stderr: '' });
  });

  test('that settles after its call has ended disturbs nothing', async () => {
    let settle = () => {};
    const pool = await ask(
      (n) =>
        new Promise((resolve, reject) => {
          settle = n === 1 ? () => resolve(1) : () => reject(new Error('late'));
        }),
    );
    for (const n of [1, 2]) {
      expect((await failure(pool.call('run', [n], { timeoutMillis: 30 }))).code).toBe('ERR_TIMEOUT');
      settle();
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await pool.call('seven')).toBe(7);
    }
  });
});

describe('imports', () => {
  test('that nobody provides are named with their type', async () => {
    const code = await loadWat(engine, ASK);
    const error = thrown(() => new Pool(code));
    expect(error).toBeInstanceOf(LinkError);
    expect(error.code).toBe('ERR_LINK');
    expect(String((error.details as { missing: string[] }).missing)).toContain('env#ask');
    expect(thrown(() => new Pool(code, { imports: { env: { tell: () => 1 } } })).code).toBe('ERR_LINK');
  });

  test('must be functions', async () => {
    const code = await loadWat(engine, ASK);
    const error = thrown(() => new Pool(code, { imports: { env: { ask: 5 } } }));
    expect(error.code).toBe('ERR_BAD_OPTION');
    expect(error.details).toMatchObject({ option: 'imports.env.ask', value: 5 });
  });

  test('that the code does not ask for are ignored', async () => {
    const imports = { env: { ask: (n: number) => n, other: () => 0, number: 5 }, more: { f: () => 0 } };
    expect(await (await poolOf(engine, ASK, { imports })).call('run', [3])).toBe(3);
  });

  test('of WASI are provided only where they are asked for', async () => {
    const text = `(module
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $f (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "args") (result i32) (drop (call $f (i32.const 0) (i32.const 4))) (i32.load (i32.const 0))))`;
    const code = await loadWat(engine, text);
    expect(thrown(() => new Pool(code)).code).toBe('ERR_LINK');
    const pool = await poolOf(engine, text, { wasi: { args: ['guest', 'one', 'two'] } });
    expect(await pool.call('args')).toBe(3);
    expect(await (await poolOf(engine, text, { wasi: true })).call('args')).toBe(0);
  });
});

describe('what is missing is told in full, with types', () => {
  const missing = async (text: string, options: PoolOptions) => {
    const code = await loadWat(engine, text);
    const errors = [
      thrown(() => new Pool(code, options)),
      thrown(() => Instance.createSync(code, options)),
      await failure(Instance.create(code, options)),
    ];
    for (const error of errors) expect(error).toBeInstanceOf(LinkError);
    const [first, ...others] = errors.map(({ details }) => (details as { missing: string[] }).missing);
    for (const other of others) expect(other).toEqual(first);
    return first;
  };
  const HTTP = `(component
    (import "wasi:cli/exit@0.2.3" (instance (export "exit" (func (param "status" (result))))))
    (import "wasi:io/poll@0.2.0" (instance (export "pollable" (type (sub resource)))))
    (import "wasi:http/types@0.2.10" (instance
      (export "fields" (type $r (sub resource))) (export "f" (func (param "x" u8))) (export "g" (func)))))`;
  const all = [
    'wasi:http/types@0.2.10#fields: resource',
    'wasi:http/types@0.2.10#f: func(x: u8)',
    'wasi:http/types@0.2.10#g: func()',
  ];
  const ofWasi = ['wasi:cli/exit@0.2.3#exit: func(status: result)', 'wasi:io/poll@0.2.0#pollable: resource'];

  test('and once, however often a module imports it', async () => {
    const twice = '(module (import "e" "f" (func)) (import "e" "g" (func)) (import "e" "f" (func)))';
    const all = ['e#f: func()', 'e#g: func()'];
    expect(await missing(twice, {})).toEqual(all);
    expect(await missing(twice, { wasi: true })).toEqual(all);
  });

  test('of a component, without WASI, with it, and beside a function that is given', async () => {
    expect(await missing(HTTP, {})).toEqual([...ofWasi, ...all]);
    expect(await missing(HTTP, { wasi: true })).toEqual(all);
    const imports = { 'wasi:http/types@0.2.10': { f() {} } };
    expect(await missing(HTTP, { imports })).toEqual([...ofWasi, all[0], all[2]]);
    expect(await missing(HTTP, { wasi: true, imports })).toEqual([all[0], all[2]]);
  });

  test('of a component, where WASI lacks a function or another version is asked for', async () => {
    const text = `(component
      (import "wasi:cli/exit@0.2.0" (instance (export "exit" (func (param "status" (result)))) (export "leave" (func))))
      (import "wasi:cli/exit@0.3.0" (instance (export "exit" (func (param "status" (result)))))))`;
    expect(await missing(text, { wasi: true })).toEqual([
      'wasi:cli/exit@0.2.0#leave: func()',
      'wasi:cli/exit@0.3.0#exit: func(status: result)',
    ]);
  });

  test('of a module', async () => {
    const text = `(module
      (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
      (import "wasi_snapshot_preview1" "proc_enter" (func (param i32)))
      (import "wasi_snapshot_preview1" "proc_enter" (func (param i32)))
      (import "env" "memory" (memory 1))
      (import "env" "log" (func (param i32) (result i64))))`;
    const own = ['env#memory: memory', 'env#log: func(i32) -> i64'];
    const enter = 'wasi_snapshot_preview1#proc_enter: func(i32)';
    expect(await missing(text, {})).toEqual(['wasi_snapshot_preview1#proc_exit: func(i32)', enter, ...own]);
    expect(await missing(text, { wasi: true })).toEqual([enter, ...own]);
    expect(await missing(text, { wasi: true, imports: { env: { log: () => 1n } } })).toEqual([enter, own[0]]);
  });

  test('and a host function of a type that cannot cross is not supported', async () => {
    const text = `(component (import "wasi:io/poll@0.2.0" (instance $i
      (export "pollable" (type (sub resource)))))
      (alias export $i "pollable" (type $r)) (import "take" (func (param "x" (own $r)))))`;
    const code = await loadWat(engine, text);
    for (const error of [
      thrown(() => new Pool(code, { wasi: true, imports: { take() {} } })),
      thrown(() => Instance.createSync(code, { wasi: true, imports: { take() {} } })),
    ]) {
      expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', details: { feature: expect.any(String) } });
      expect(error.message).not.toContain('ERR_');
    }
    const vector = await loadWat(engine, '(module (import "env" "f" (func (param v128))))');
    const error = thrown(() => new Pool(vector, { imports: { env: { f() {} } } }));
    expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED', details: { feature: 'v128' } });
  });
});

describe('imports of a component', () => {
  const text = `(component
    (import "test:host/env@1.0.0" (instance $env
      (export "add-one" (func (param "n" u32) (result u32)))))
    (core func $add (canon lower (func $env "add-one")))
    (core module $m
      (import "env" "add" (func $add (param i32) (result i32)))
      (func (export "run") (param i32) (result i32) (call $add (local.get 0))))
    (core instance $i (instantiate $m (with "env" (instance (export "add" (func $add))))))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))`;

  test.each([
    ['in camelCase', { 'test:host/env@1.0.0': { addOne: (n: number) => n + 1 } }],
    ['as WIT writes them', { 'test:host/env@1.0.0': { 'add-one': async (n: number) => n + 1 } }],
    ['without the version', { 'test:host/env': { addOne: (n: number) => n + 1 } }],
  ])('are found %s', async (_, imports) => {
    expect(await (await poolOf(engine, text, { imports })).call('run', [41])).toBe(42);
  });

  test('that nobody provides are named', async () => {
    const code = await loadWat(engine, text);
    const error = thrown(() => new Pool(code));
    expect(error.code).toBe('ERR_LINK');
    expect(String((error.details as { missing: string[] }).missing)).toContain('test:host/env@1.0.0');
  });

  test('carry strings both ways', async () => {
    const shout = `(component
      (import "shout" (func $shout (param "s" string) (result string)))
      (core module $libc
        (memory (export "memory") 1)
        ${BUMP_ALLOCATOR})
      (core instance $libc (instantiate $libc))
      (core func $shout (canon lower (func $shout) (memory $libc "memory") (realloc (func $libc "realloc"))))
      (core module $m
        (import "host" "shout" (func $shout (param i32 i32 i32)))
        (func (export "run") (param i32 i32) (result i32)
          (call $shout (local.get 0) (local.get 1) (i32.const 8))
          (i32.const 8)))
      (core instance $i (instantiate $m (with "host" (instance (export "shout" (func $shout))))))
      (func (export "run") (param "s" string) (result string)
        (canon lift (core func $i "run") (memory $libc "memory") (realloc (func $libc "realloc")))))`;
    const pool = await poolOf(engine, shout, { imports: { shout: (text: string) => `${text.toUpperCase()}!` } });
    expect(await pool.call('run', ['größe 🌊'])).toBe('GRÖSSE 🌊!');
  });

  test('give the guest an err where they throw an error with a payload', async () => {
    const text = `(component
      (import "try" (func $try (param "n" u32) (result (result u32 (error u32)))))
      (core module $libc (memory (export "memory") 1))
      (core instance $libc (instantiate $libc))
      (core func $try (canon lower (func $try) (memory $libc "memory")))
      (core module $m
        (import "libc" "memory" (memory 1))
        (import "host" "try" (func $try (param i32 i32)))
        (func (export "run") (param i32) (result i32)
          (call $try (local.get 0) (i32.const 8))
          (i32.add (i32.mul (i32.load8_u (i32.const 8)) (i32.const 1000)) (i32.load (i32.const 12)))))
      (core instance $i (instantiate $m
        (with "libc" (instance $libc)) (with "host" (instance (export "try" (func $try))))))
      (func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run"))))`;
    const unreadable = Object.defineProperty(new Error('unreadable'), 'payload', {
      get() {
        throw new Error('the getter');
      },
    });
    const refuse = () => {
      throw new Error('the proxy');
    };
    const hostile = new Proxy({}, { get: refuse, getOwnPropertyDescriptor: refuse, getPrototypeOf: refuse });
    const fails = async (n: number) => {
      if (n === 0) throw new Error('not for the guest');
      if (n === 1) throw unreadable;
      if (n === 2) throw hostile;
      if (n > 5) throw Object.assign(new Error('too many'), { payload: n * 2 });
      return n;
    };
    const pool = await poolOf(engine, text, { max: 1, imports: { try: fails } });
    expect(await pool.call('run', [5])).toBe(5);
    expect(await pool.call('run', [6])).toBe(1012);
    expect((await failure(pool.call('run', [0]))).cause).toEqual(new Error('not for the guest'));
    for (const [n, cause] of [
      [1, unreadable],
      [2, hostile],
    ] as const) {
      const error = await failure(pool.call('run', [n], { timeoutMillis: 5000 }));
      expect(error.code).toBe('ERR_HOST_FUNCTION');
      expect(error.cause === cause).toBe(true);
    }
    expect(await pool.call('run', [5])).toBe(5);
  });
});
