// What is written down twice, in Rust and in TypeScript, says the same.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { addonFile } from '../dist/addon.js';
import { ERROR_CODES } from '../dist/index.js';

type Exports = Record<string, { prototype: object }> & { errorCodes(): string[] };
const addon = createRequire(import.meta.url)(addonFile) as Exports;

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
