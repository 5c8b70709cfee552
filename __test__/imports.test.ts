import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** What the files of a folder of `src-ts` import. */
function importsOf(folder: string): string[] {
  const place = new URL(`../src-ts/${folder}/`, import.meta.url);
  return readdirSync(place).flatMap((file) => {
    const text = readFileSync(new URL(file, place), 'utf8');
    return [...text.matchAll(/(?:from |import\()'([^']+)'/g)].map(([, path = '']) => path);
  });
}

test('folders import one way: the command line the server, both the pages and the status, pages nothing of the package', () => {
  const inside = /^(node:[a-z/]+|\.\/[a-z]+\.js)$/;
  expect(importsOf('page').filter((path) => !inside.test(path))).toEqual([]);
  expect(importsOf('page').length).toBeGreaterThan(3);
  expect(importsOf('server').filter((path) => path.startsWith('../cli/'))).toEqual([]);
  expect(importsOf('status').filter((path) => /^\.\.\/(cli|server)\//.test(path))).toEqual([]);
  expect(importsOf('status').length).toBeGreaterThan(3);
  expect(importsOf('server')).toContain('../page/body.js');
  expect(importsOf('cli')).toContain('../page/body.js');
});
