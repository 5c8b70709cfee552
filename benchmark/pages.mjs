// Real pages that every machine with Node has: npm's own manual.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

function manual() {
  const beside = path.dirname(process.execPath);
  const roots = [path.join(beside, '..', 'lib', 'node_modules', 'npm'), path.join(beside, 'node_modules', 'npm')];
  if (process.env.npm_execpath) roots.unshift(path.resolve(process.env.npm_execpath, '..', '..'));
  try {
    roots.push(path.join(execFileSync('npm', ['root', '-g'], { encoding: 'utf8' }).trim(), 'npm'));
  } catch {
    // No npm on the PATH; the other places may do.
  }
  return roots.map((root) => path.join(root, 'docs', 'output')).find((folder) => existsSync(folder));
}

/** The `count` largest pages, as bytes. */
export function pages(count) {
  const folder = manual();
  if (folder === undefined) throw new Error("npm's manual was not found on this machine");
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.html'))
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)))
    .sort((a, b) => b.length - a.length)
    .slice(0, count);
}
