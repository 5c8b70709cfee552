// Names and numbers that are written down in both languages are the same in Rust and in TypeScript.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { addonFile } from '../dist/addon.js';
import { ERROR_CODES } from '../dist/index.js';

type Exports = Record<string, { prototype: object }> & { errorCodes(): string[] };
const addon = createRequire(import.meta.url)(addonFile) as Exports;

/** A file of `dist` with its internal exports, which its typings leave out. */
const internal = async <T>(file: string): Promise<T> => import(new URL(`../dist/${file}.js`, import.meta.url).href);

const { mostBytes } = await internal<{ mostBytes(name: string): number }>('cache-options');
const { resolveCompile } = await internal<{ resolveCompile(given: object): object }>('compile-options');
const { EVENT_BITS } = await internal<{ EVENT_BITS: object }>('events');
const options = await internal<Record<string, number>>('options');
const { MEASURED, NESTED } = await internal<Record<string, number>>('binding');

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

/** The members of each interface in binding.ts. */
function interfaces(): Map<string, string[]> {
  const source = ts.createSourceFile('binding.ts', read('src-ts/binding.ts'), ts.ScriptTarget.ES2022);
  const found = new Map<string, string[]>();
  for (const statement of source.statements) {
    if (!ts.isInterfaceDeclaration(statement)) continue;
    found.set(
      statement.name.text,
      statement.members.map(({ name }) => (name as ts.Identifier).text),
    );
  }
  return found;
}

describe('the addon and its typings in binding.ts', () => {
  const written = interfaces();
  const exported = Object.keys(addon);
  const classes = exported.filter((name) => name.startsWith('Binding'));

  test('name the same functions and classes', () => {
    const functions = exported.filter((name) => !classes.includes(name));
    const typed = written.get('Addon')?.filter((name) => !classes.includes(name));
    expect(functions.length).toBeGreaterThan(5);
    expect(functions.sort()).toEqual(typed?.sort());
    expect(classes.length).toBeGreaterThan(3);
  });

  test('give each class the same members', () => {
    for (const name of classes) {
      const members = Object.getOwnPropertyNames(addon[name]?.prototype).filter((member) => member !== 'constructor');
      expect(members.sort(), name).toEqual(written.get(name)?.sort());
    }
  });
});

test('error codes are the same list in Rust and TypeScript', () => {
  expect(Object.keys(ERROR_CODES)).toEqual(addon.errorCodes());
});

test('the version of Node-API that is asked for is the one that is built with', () => {
  const [, built] = /features = \["napi(\d+)"\]/.exec(read('Cargo.toml')) ?? [];
  const [, asked] = /NODE_API = (\d+)/.exec(read('src-ts/load-failure.ts')) ?? [];
  expect(asked).toBe(built);
});

/** A number as Rust writes it: `4_096`, `64 * 1024`, `64 << 20`. */
function rustNumber(text: string): number {
  const [, left = '', operator, right = ''] = /^([\d_]+)(?: (\*|<<) ([\d_]+))?$/.exec(text) ?? [];
  const [one, other] = [left, right].map((digits) => Number(digits.replaceAll('_', ''))) as [number, number];
  if (operator === undefined) return one;
  return operator === '*' ? one * other : one * 2 ** other;
}

describe('a number that is in Rust and in TypeScript', () => {
  test.each([
    ['MAX_PAGES', options.MAX_PAGES, 'runtime/src/engine/options.rs', 'MAX_PAGES'],
    ['MAX_INSTANCES', options.MAX_INSTANCES, 'runtime/src/engine/options.rs', 'MAX_SLOTS'],
    ['MAX_TABLE_ELEMENTS', options.MAX_TABLE_ELEMENTS, 'runtime/src/engine/options.rs', 'MAX_TABLE_ELEMENTS'],
    ['MAX_WORKERS', options.MAX_WORKERS, 'runtime/src/executor/worker.rs', 'MAX_WORKERS'],
    ['PAGE_BYTES', options.PAGE_BYTES, 'runtime/src/units.rs', 'PAGE_BYTES'],
    ['NESTED', NESTED, 'node/src/caller.rs', 'NESTED'],
    ['MEASURED', MEASURED, 'node/src/caller.rs', 'MEASURED'],
  ])('%s is the same', (_, value, file, constant) => {
    const [, written = ''] = new RegExp(`const ${constant}: \\w+ = ([^;]+);`).exec(read(`crates/${file}`)) ?? [];
    expect(rustNumber(written)).toBe(value);
  });

  test('is the bit of each event', () => {
    const arms = read('crates/runtime/src/pool/events.rs').matchAll(/Event::(\w)(\w+)(?:\(_\))? => (\d+),/g);
    const bits = [...arms].map(([, first = '', rest, bit]) => [`${first.toLowerCase()}${rest}`, Number(bit)]);
    expect(Object.fromEntries(bits)).toEqual(EVENT_BITS);
  });

  test('is the size of the largest artefact', () => {
    const source = read('crates/runtime/src/cache/verify.rs');
    const [, times = '', more = ''] = /saturating_mul\((.+?)\)\.saturating_add\((.+?)\)/.exec(source) ?? [];
    for (const bytes of [0, 1, 1_000_000])
      expect(mostBytes(`hash_${bytes}`)).toBe(rustNumber(times) * bytes + rustNumber(more));
  });

  test('is the default of each limit of compiling', () => {
    const [, defaults = ''] =
      /-> CompileOptions \{([\s\S]*?)isolated/.exec(read('crates/runtime/src/compile/options.rs')) ?? [];
    const written = [...defaults.matchAll(/(\w+): ([\d_ <]+),/g)].map(([, name = '', value = '']) => [
      name.replace(/_\w/g, (letter) => letter.slice(1).toUpperCase()),
      rustNumber(value),
    ]);
    expect(Object.fromEntries(written)).toEqual(resolveCompile({}));
  });
});
