// What the folders of src-ts may import of each other.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './package-support.js';

/** The folders that the files of a folder import from, beside their own and the top one. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  page: [],
  queue: ['page'],
  bullmq: ['queue', 'page'],
  server: ['page'],
  cli: ['page', 'server', 'queue', 'bullmq'],
};

function importsOf(folder: string): string[] {
  const files = readdirSync(join(ROOT, 'src-ts', folder), { encoding: 'utf8' });
  return files.flatMap((file) => {
    const source = readFileSync(join(ROOT, 'src-ts', folder, file), 'utf8');
    return [...source.matchAll(/(?:from|import\()\s*'\.\.\/(\w+)\//g)].map(([, name = '']) => name);
  });
}

test.each(Object.entries(ALLOWED))('%s imports from no folder but %j', (folder, allowed) => {
  expect(importsOf(folder).filter((name) => !allowed.includes(name))).toEqual([]);
});

test('every folder has its rule, and imports are seen', () => {
  const folders = readdirSync(join(ROOT, 'src-ts'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(ALLOWED).sort());
  expect(importsOf('bullmq')).toContain('queue');
});
