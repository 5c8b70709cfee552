// biome-ignore-all lint/suspicious/noThenProperty: it is what is tested
// What the caller's own functions return is awaited as `await` does it, however strange its `then` is.
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Engine, Instance, type SharedCache, wat2wasm } from '../dist/index.js';
import { collectWarnings, numbered } from './cache-support.js';
import { ASK, failure, loadWat, MATH, poolOf, temporaryFolder, thrown } from './support.js';

const engine = new Engine({ cache: false });

type Then = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void;

/** A thenable that notes when its `then` is read and called. */
function noting(note: (what: string) => void, then: Then): PromiseLike<number> {
  return {
    get then() {
      note('read');
      return function (this: unknown, resolve: never, reject: never) {
        note(`called ${this === undefined ? 'as a function' : 'as a method'}`);
        return then(resolve, reject);
      };
    },
  } as never;
}

class Promised<T> extends Promise<T> {}

const error = new RangeError('mine');
const fail = () => {
  throw error;
};

/** Each is made twice: for a host function, and for `await`. */
const thenables: [string, (note: (what: string) => void) => unknown][] = [
  ['resolves', (note) => noting(note, (resolve) => resolve(4))],
  ['rejects', (note) => noting(note, (_, reject) => reject(error))],
  ['resolves later', (note) => noting(note, (resolve) => setTimeout(resolve, 5, 4))],
  [
    'calls back time and again',
    (note) =>
      noting(note, (resolve, reject) => {
        resolve(4);
        reject(error);
        resolve(5);
      }),
  ],
  [
    'rejects first',
    (note) =>
      noting(note, (resolve, reject) => {
        reject(error);
        resolve(5);
      }),
  ],
  ['throws', (note) => noting(note, fail)],
  [
    'throws when it has resolved',
    (note) =>
      noting(note, (resolve) => {
        resolve(4);
        fail();
      }),
  ],
  [
    'throws before a thenable that it resolved to has',
    (note) =>
      noting(note, (resolve) => {
        resolve(noting(note, (later) => setTimeout(later, 5, 4)));
        fail();
      }),
  ],
  [
    'resolves to others',
    (note) => noting(note, (resolve) => resolve(noting(note, (resolve) => resolve(Promise.resolve(4))))),
  ],
  ['resolves to one that rejects', (note) => noting(note, (resolve) => resolve(noting(note, (_, no) => no(error))))],
  ['resolves to a promise that rejects', (note) => noting(note, (resolve) => resolve(Promise.reject(error)))],
  ['throws when its then is read', () => Object.defineProperty({}, 'then', { get: fail })],
  [
    'has another then each time',
    (note) => {
      let reads = 0;
      const read = () => {
        note('read');
        return reads++ === 0 ? (resolve: (value: number) => void) => resolve(4) : undefined;
      };
      return Object.defineProperty({}, 'then', { get: read });
    },
  ],
  [
    'is a function',
    (note) =>
      Object.assign(
        () => 5,
        noting(note, (resolve) => resolve(4)),
      ),
  ],
  ['is a proxy', (note) => new Proxy({}, { get: (_, name) => name === 'then' && noting(note, (yes) => yes(4)).then })],
  ['is a promise of a class of its own', () => Promised.resolve(4)],
  ['is a promise with a then of its own', () => Object.assign(Promise.resolve(4), { then: fail })],
  ['is a promise of a class of its own that rejects', () => Promised.reject(error)],
  ['has a then that is no function, and is no number', () => ({ then: 4 })],
];

describe('a thenable that a host function returns', () => {
  test.each(thenables)('and that %s is what `await` makes of it', async (_, make) => {
    const [awaited, noted]: [string[], string[]] = [[], []];
    const expected = await (async () => ({ value: await make((what) => awaited.push(what)) }))().catch(
      (error) => ({ error }) as const,
    );
    const ask = () => make((what) => noted.push(what));
    const pool = await poolOf(engine, ASK, { max: 1, timeoutMillis: 10_000, imports: { env: { ask } } });
    if ('error' in expected) {
      const outcome = await failure(pool.call('run', [1]));
      expect(outcome).toMatchObject({ code: 'ERR_HOST_FUNCTION' });
      expect(outcome.cause).toBe(expected.error);
    } else if (typeof expected.value === 'number') {
      expect(await pool.call('run', [1])).toBe(expected.value);
    } else {
      const outcome = await failure(pool.call('run', [1]));
      expect(outcome).toMatchObject({ code: 'ERR_HOST_FUNCTION', details: { path: 'result' } });
    }
    expect(noted).toEqual(awaited);
    expect(await pool.call('seven')).toBe(7);
  });

  test('belongs to the call: it sees its context, and may not wait for its pool', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const pool = await poolOf(engine, ASK, {
      max: 1,
      timeoutMillis: 10_000,
      imports: {
        env: {
          ask: () => ({
            // As queries of databases have it, which begin when they are awaited.
            then: async (resolve: (value: number) => void) => {
              seen.push(request.getStore(), (await failure(pool.call('seven'))).code);
              resolve(1);
            },
          }),
        },
      },
    });
    expect(await request.run('mine', () => pool.call('run', [1]))).toBe(1);
    expect(seen).toEqual(['mine', 'ERR_REENTRANT']);
  });

  test('is refused by a sync instance, and its rejection is nobody’s', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const code = await loadWat(engine, ASK);
    for (const [, make] of thenables) {
      const instance = Instance.createSync(code, { imports: { env: { ask: () => make(() => {}) } } });
      expect(thrown(() => instance.callSync('run', [1])).code).toBe('ERR_HOST_FUNCTION');
      await instance.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });
});

describe('a thenable that the function of `use` returns', () => {
  test.each(thenables)('and that %s is what `await` makes of it', async (_, make) => {
    const [awaited, noted]: [string[], string[]] = [[], []];
    const settled = (ended: Promise<unknown>) => Promise.allSettled([ended]);
    const [expected] = await settled((async () => await make((what) => awaited.push(what)))());
    const pool = await poolOf(engine, MATH, { max: 1, reuse: true });
    const [outcome] = await settled(pool.use(() => make((what) => noted.push(what))));
    expect(outcome).toEqual(expected);
    expect(noted).toEqual(awaited);
    expect(await pool.call('count')).toBe(1);
  });

  test('is a part of the loan: it may not wait for its pool', async () => {
    const pool = await poolOf(engine, MATH, { max: 1 });
    const ended = pool.use(() => ({
      then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
        pool.call('count', [], { timeoutMillis: 10_000 }).then(resolve, reject);
      },
    }));
    expect((await failure(ended as Promise<unknown>)).code).toBe('ERR_REENTRANT');
  });
});

describe('a shared cache', () => {
  const unspeakable: [string, unknown][] = [
    ['an object without text', Object.create(null)],
    ['a symbol', Symbol('mine')],
    [
      'an error whose message is thrown',
      Object.defineProperty(new Error(), 'message', {
        get: fail,
      }),
    ],
    ['an error whose message is a symbol', Object.assign(new Error(), { message: Symbol('mine') })],
  ];

  function sharing(cache: Partial<Record<keyof SharedCache, () => unknown>>): Engine {
    const folder = temporaryFolder();
    const keyFile = `${folder}/key`;
    writeFileSync(keyFile, 'k'.repeat(32), { mode: 0o600 });
    const shared = { get: () => undefined, put: () => undefined, ...cache } as never;
    return new Engine({ cache: { directory: `${folder}/cache`, keyFile, shared } });
  }

  test.each(thenables)('that gives a thenable that %s costs a compile at most', async (_, make) => {
    const [awaited, noted]: [string[], string[]] = [[], []];
    await Promise.allSettled([(async () => await make((what) => awaited.push(what)))()]);
    const sharedEngine = sharing({ get: () => make((what) => noted.push(what)) });
    collectWarnings();
    expect((await sharedEngine.load(wat2wasm(numbered(1)))).cacheHit).toBe(false);
    expect(noted).toEqual(awaited);
    // A number is no artefact, either.
    expect(sharedEngine.cache.snapshot()).toMatchObject({ misses: 1, sharedFailures: 1 });
  });

  test.each(unspeakable)('that throws %s costs a warning and a compile', async (_, reason) => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', listen);
    const throwing = () => {
      throw reason;
    };
    const warnings = collectWarnings();
    for (const cache of [{ get: throwing }, { put: throwing }, { get: async () => throwing() }]) {
      const sharedEngine = sharing(cache);
      await sharedEngine.precompile([wat2wasm(numbered(1))]);
      expect(sharedEngine.cache.snapshot()).toMatchObject({ misses: 1, sharedFailures: 1 });
    }
    await new Promise(setImmediate);
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
    expect(warnings).toHaveLength(3);
  });
});
