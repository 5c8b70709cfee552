import { describe, expect, test } from 'vitest';
import {
  ArgumentError,
  CompileError,
  Engine,
  ERROR_CODES,
  GuestError,
  OptionError,
  RiptideError,
  TrapError,
  wat2wasm,
} from '../dist/index.js';
import { failure, MATH, poolOf, thrown } from './support.js';

describe('error codes', () => {
  test('each come with an explanation and a message', () => {
    for (const { explanation, message } of Object.values(ERROR_CODES)) {
      expect(explanation).toMatch(/\.$/);
      expect(message).not.toBe('');
    }
  });
});

describe('errors', () => {
  const engine = new Engine({ cache: false });

  test('are Error objects of a class, with code, details and a stack that leads to the caller', async () => {
    const pool = await poolOf(engine, MATH);
    const error = await failure(pool.call('fail'));
    expect(error).toBeInstanceOf(TrapError);
    expect(error).toBeInstanceOf(RiptideError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('TrapError');
    expect(error.code).toBe('ERR_TRAP');
    expect(error.details).toMatchObject({ trap: expect.any(String) });
    expect(error.message).not.toBe('');
    expect(error.stack).toContain('TrapError');
  });

  test('of a trap have the names that the source has', async () => {
    const text = `(module
      (func $_ZN3std9panicking19begin_panic_handler17h6ac9107c42850161E unreachable)
      (func $_RNvNtCs1234_7mycrate3foo3bar (call $_ZN3std9panicking19begin_panic_handler17h6ac9107c42850161E))
      (func $_ZN5space3fooEibc (call $_RNvNtCs1234_7mycrate3foo3bar))
      (func $plain (call $_ZN5space3fooEibc))
      (func (export "f") (call $plain)))`;
    const pool = await poolOf(engine, text);
    const { backtrace } = (await failure(pool.call('f'))).details as { backtrace: string[] };
    expect(backtrace.map((frame) => frame.replace(/ @ 0x[0-9a-f]+$/, ''))).toEqual([
      'std::panicking::begin_panic_handler',
      'mycrate::foo::bar',
      '_ZN5space3fooEibc',
      'plain',
      'function 4',
    ]);
  });

  test('are found by class where a caller would tell them apart', async () => {
    expect(await failure(engine.load(new Uint8Array([1, 2, 3])))).toBeInstanceOf(CompileError);
    expect(thrown(() => new Engine({ workers: -1 }))).toBeInstanceOf(OptionError);
    const pool = await poolOf(engine, MATH);
    expect(await failure(pool.call('add', ['a', 1]))).toBeInstanceOf(ArgumentError);
    expect(new GuestError('ERR_GUEST', 'x', {}, undefined, 5).payload).toBe(5);
  });

  test('of text that does not parse say where', () => {
    const error = thrown(() => wat2wasm('(module (func'));
    expect(error.code).toBe('ERR_COMPILE');
    expect(thrown(() => wat2wasm(1 as never)).code).toBe('ERR_BAD_ARGUMENT');
  });

  test('thrown by the caller own getters pass through unchanged', async () => {
    const pool = await poolOf(engine, MATH);
    const mine = new Error('mine');
    const args = [1, 2];
    Object.defineProperty(args, 1, {
      get() {
        throw mine;
      },
    });
    expect(await failure(pool.call('add', args))).toBe(mine);
    expect(await pool.call('add', [1, 2])).toBe(3);
  });
});
