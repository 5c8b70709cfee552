// What the guest is built from, as one hash. Shared by build-guest.mjs and check-guest.mjs.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
export const crate = 'crates/extractor';
export const dist = join(root, crate, 'dist');
export const variants = ['simd', 'scalar'];
/**
 * What a fresh instance costs is mostly what the system does for its memory. So the heap begins with 128 KiB, and a short
 * call needs no growth; and the stack is a little more than a mebibyte, which moves the guest's variables, behind it, off
 * a boundary between two pages: each page that is written is one more interruption of every processor.
 */
export const linkArgs = ['--initial-heap=131072', '-zstack-size=1049600'];

export const sha256 = (data) => createHash('sha256').update(data).digest('hex');
export const read = (path) => readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n');

function filesUnder(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesUnder(path) : entry.isFile() ? [path] : [];
  });
}

/** The lines of one table of a TOML file, without comments. */
function table(toml, name) {
  const lines = toml.split('\n');
  const start = lines.indexOf(`[${name}]`);
  if (start < 0) throw new Error(`no [${name}] in the TOML file`);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('['));
  return (end < 0 ? rest : rest.slice(0, end))
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('#'));
}

/** The names of a table and of those within it. */
function tablesUnder(toml, name) {
  const names = [...toml.matchAll(/^\[(.+)\]$/gm)].map(([, its]) => its);
  return names.filter((its) => its === name || its.startsWith(`${name}.`));
}

/** What a crate's `[dependencies]` names, each with its folder where it is of this repository. */
function dependenciesOf(folder) {
  return table(read(`${folder}/Cargo.toml`), 'dependencies').map((line) => {
    const path = line.match(/\bpath = "([^"]+)"/)?.[1];
    return { name: line.split(/[ .=]/)[0], folder: path && posix.join(folder, path) };
  });
}

/** The guest's crate and those of this repository that it needs: name and folder. */
function ownCrates() {
  const crates = new Map([['riptide-extractor', crate]]);
  for (const folder of crates.values()) {
    for (const needed of dependenciesOf(folder)) {
      if (needed.folder) crates.set(needed.name, needed.folder);
    }
  }
  return crates;
}

/**
 * The locked versions of all that the guest's dependencies need, as `name version checksum`. The whole Cargo.lock would make the
 * guest look old at every change of a host dependency.
 */
function lockedDependencies() {
  const packages = read('Cargo.lock')
    .split('[[package]]\n')
    .slice(1)
    .map((text) => {
      const field = (name) => text.match(new RegExp(`^${name} = "(.*)"$`, 'm'))?.[1] ?? '';
      const needs = text.match(/^dependencies = \[\n([^\]]*)\]/m)?.[1] ?? '';
      return {
        name: field('name'),
        version: field('version'),
        checksum: field('checksum'),
        needs: [...needs.matchAll(/"([^"]+)"/g)].map((m) => m[1]),
      };
    });
  // A dependency is written `name`, or `name version` where several versions are locked.
  const find = (need) => {
    const [name, version] = need.split(' ');
    return packages.find((p) => p.name === name && (!version || p.version === version));
  };
  // A crate of this repository is locked with what its tests need, too.
  const needsOf = ({ name, needs }) => {
    const folder = ownCrates().get(name);
    if (!folder) return needs;
    const real = dependenciesOf(folder).map((needed) => needed.name);
    return needs.filter((need) => real.includes(need.split(' ')[0]));
  };
  const self = find('riptide-extractor');
  if (!self) throw new Error('riptide-extractor is not in Cargo.lock');
  const queue = needsOf(self);
  const seen = new Set();
  for (let need = queue.pop(); need; need = queue.pop()) {
    const found = find(need);
    if (!found) throw new Error(`${need} is not in Cargo.lock`);
    const line = `${found.name} ${found.version} ${found.checksum}`;
    if (seen.has(line)) continue;
    seen.add(line);
    queue.push(...needsOf(found));
  }
  return [...seen].sort();
}

/** The flags of the SIMD build; the scalar one has none. */
export function simdFlags() {
  const flags = table(read('.cargo/config.toml'), 'target.wasm32-unknown-unknown')
    .map((line) => line.match(/^rustflags = (\[.*\])$/)?.[1])
    .find((list) => list !== undefined);
  if (flags === undefined) throw new Error('.cargo/config.toml has no rustflags on one line for the guest');
  return JSON.parse(flags);
}

/** SHA-256 over everything that decides what the guest's bytes are, the compiler excepted. */
export function sourceHash() {
  const paths = [...ownCrates().values()]
    .flatMap((folder) => [`${folder}/Cargo.toml`, ...['src', 'wit'].flatMap((part) => filesUnder(`${folder}/${part}`))])
    .sort();
  const models = [...ownCrates().values()]
    .flatMap((folder) => filesUnder(`${folder}/model`))
    .filter((path) => path.endsWith('.bin'))
    .sort();
  const workspace = read('Cargo.toml');
  const parts = [
    ...paths.map((path) => [path, read(path)]),
    ...models.map((path) => [path, sha256(readFileSync(join(root, path)))]),
    ['profile.release', table(workspace, 'profile.release').join('\n')],
    ...tablesUnder(workspace, 'profile.guest').map((name) => [name, table(workspace, name).join('\n')]),
    [
      'edition',
      table(workspace, 'workspace.package')
        .filter((line) => line.startsWith('edition'))
        .join('\n'),
    ],
    ['dependencies', lockedDependencies().join('\n')],
    ['flags', simdFlags().join('\n')],
    ['link', linkArgs.join('\n')],
  ];
  // As JSON, no file's end can pass for another's beginning.
  return sha256(JSON.stringify(parts));
}
