import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Failure } from './failure.js';

/** Pages of the demonstration where none are given: enough to see a rate, few enough to read. */
const PAGES = 40;
const FEWEST = 20;

/** The pages to extract: those given (folders searched), else HTML that came with Node. */
export async function findPages(given: readonly string[]): Promise<string[]> {
  if (given.length > 0) return (await Promise.all(given.map(expand))).flat();
  const found: string[] = [];
  for await (const folder of manuals()) {
    found.push(...(await htmlFiles(folder)));
    if (found.length >= FEWEST) break;
  }
  if (found.length === 0) {
    throw new Failure("npm's manual was not found on this machine; give files, folders or URLs: npm start -- FILE…");
  }
  const sized = await Promise.all(found.map(async (file) => ({ file, size: (await stat(file)).size })));
  sized.sort((a, b) => b.size - a.size);
  return sized
    .slice(0, PAGES)
    .map(({ file }) => file)
    .sort();
}

async function expand(source: string): Promise<string[]> {
  if (source === '-' || /^(https?|file):/i.test(source)) return [source];
  const entry = await stat(source).catch(() => undefined);
  if (!entry?.isDirectory()) return [source]; // a file that is missing is reported in its row
  const files = await htmlFiles(source);
  if (files.length === 0) throw new Failure(`${source}: no HTML files in this folder`);
  return files;
}

/** Where npm keeps its manual as HTML, likeliest first; then Node's own. */
async function* manuals(): AsyncGenerator<string> {
  const seen = new Set<string>();
  const once = (folder: string): boolean => !seen.has(folder) && seen.add(folder) !== undefined;
  const { npm_execpath: running } = process.env;
  const beside = dirname(process.execPath);
  const npms = [
    ...(running === undefined ? [] : [dirname(dirname(running))]),
    join(beside, '..', 'lib', 'node_modules', 'npm'),
    join(beside, 'node_modules', 'npm'),
  ];
  for (const npm of npms.map((path) => resolve(path)).filter(once)) yield join(npm, 'docs', 'output');
  const root = await globalRoot();
  if (root !== undefined && once(join(root, 'npm'))) yield join(root, 'npm', 'docs', 'output');
  yield resolve(beside, '..', 'share', 'doc', 'nodejs', 'api');
  yield resolve(beside, '..', 'share', 'doc', 'node', 'api');
}

async function globalRoot(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('npm', ['root', '-g'], { shell: process.platform === 'win32' });
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

async function htmlFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /\.x?html?(\.gz)?$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
