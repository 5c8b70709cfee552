// What the documents say of files, names and numbers that can be looked up.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../dist/index.js';
import { ROOT, readmeExamples } from './package-support.js';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** The Markdown files that people read, by their paths in the repository. */
const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...['docs', 'deploy'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

/** Without code: a block may hold what looks like a link or a heading. */
const prose = (path: string) => read(path).replace(/^```[\s\S]*?^```/gm, '');

/** The anchors of a file's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  return [...prose(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Where the links of a file lead that are not addresses. */
function linksOf(path: string): string[] {
  const targets = [...prose(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => !/^\w+:/.test(target));
}

/** What keeps a link of a file from leading anywhere. */
function broken(path: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? path : relative(ROOT, resolve(ROOT, dirname(path), decodeURIComponent(file)));
  if (target.startsWith('..') || !existsSync(join(ROOT, target))) return true;
  if (anchor === undefined) return false;
  return statSync(join(ROOT, target)).isDirectory() || !anchorsOf(target).includes(anchor);
}

test.each(DOCUMENTS)('every link of %s leads somewhere', (path) => {
  expect(linksOf(path).filter((link) => broken(path, link))).toEqual([]);
});

test('a broken link is found', () => {
  for (const link of ['docs/nowhere.md', '#nowhere', 'SECURITY.md#nowhere', '../elsewhere.md', 'docs#pages'])
    expect(broken('README.md', link), link).toBe(true);
  expect(broken('docs/cache.md', '../SECURITY.md#what-is-trusted')).toBe(false);
});

test('the README has three examples, each of which says what it prints', () => {
  const examples = readmeExamples();
  expect(examples.map(({ name }) => name)).toEqual(['extractor', 'module', 'component']);
  for (const { name, output } of examples) expect(output.length, name).toBeGreaterThan(0);
});

test('what is shipped links to nothing that is not', () => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  const shipped = (path: string) => files.some((name) => path === name || path.startsWith(`${name}/`));
  for (const path of DOCUMENTS.filter(shipped)) {
    const targets = linksOf(path).map((link) => join(dirname(path), link.replace(/#.*/, '') || '.'));
    expect(
      targets.filter((target) => target !== dirname(path) && !shipped(target.replace(/\/$/, ''))),
      path,
    ).toEqual([]);
  }
});

describe('the tables', () => {
  const firstColumn = (path: string) => [...prose(path).matchAll(/^\| (.*?) \|/gm)].map(([, cell = '']) => cell);

  test('of errors have every code', () => {
    const codes = firstColumn('docs/errors.md').flatMap((cell) => cell.match(/ERR_\w+/g) ?? []);
    expect(codes.sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  test('of metrics have every name that is registered', () => {
    const named = firstColumn('docs/metrics.md').flatMap((cell) => cell.match(/(?<=`)[a-z_]+(?=`)/g) ?? []);
    const registered = [...read('src-ts/prometheus.ts').matchAll(/per(?:Engine|Pool)\(\s*'(\w+)'/g)].map(
      ([, name]) => name,
    );
    expect(registered.length).toBeGreaterThan(20);
    expect(registered.filter((name = '') => !named.includes(name))).toEqual([]);
  });

  test('of numbers in the README are rows of the whole one', () => {
    const readme = read('README.md').split('\n## Numbers\n')[1]?.split('\n## ')[0] ?? '';
    const rows = readme.split('\n').filter((line) => / (ms|µs) \|/.test(line));
    expect(rows.length).toBeGreaterThan(3);
    const all = read('docs/performance.md').split('\n');
    expect(rows.filter((row) => !all.includes(row))).toEqual([]);
  });
});
