// `npm run owners`: every owner, mode, link and ancestor that owner trust has to refuse, and those that it may take. A
// refusal is counted, and costs a compile.
//
// As root it runs for root and for the user `nobody`; as another user, without the cases that only root can make.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { wat2wasm } from '../../dist/index.js';
import { isMain, main } from '../../scripts/lib.mjs';
import { Report } from '../shared/report.mjs';
import { compatOf, compiled, found, numbered } from './artefacts.mjs';

const script = fileURLToPath(new URL('owner-worker.mjs', import.meta.url));
const [ROOT, NOBODY, SOMEBODY] = [0, 65_534, 65_533];
const isRoot = process.geteuid() === ROOT;
const own = process.geteuid();

/** Of the artefact's file. `reason`: why it is refused, if it is. `byRoot`: only root can make it. */
const FILES = [
  { name: 'of another user', byRoot: true, reason: 'untrusted', change: (file) => chownSync(file, SOMEBODY, SOMEBODY) },
  { name: 'that its group may write', reason: 'untrusted', change: (file) => chmodSync(file, 0o664) },
  { name: 'that others may write', reason: 'untrusted', change: (file) => chmodSync(file, 0o646) },
  { name: 'that all may write', reason: 'untrusted', change: (file) => chmodSync(file, 0o666) },
  { name: 'that all may write, sticky', reason: 'untrusted', change: (file) => chmodSync(file, 0o1666) },
  { name: 'with a second name', reason: 'untrusted', change: (file, aside) => linkSync(file, aside) },
  { name: 'with a second name beside it', reason: 'untrusted', change: (file) => linkSync(file, `${file}.bak`) },
  { name: 'behind a link', reason: 'unreadable', change: (file, aside) => linkAway(file, aside) },
  { name: 'behind a link to its folder', reason: 'unreadable', change: (file) => linkAway(file, `${file}.bak`) },
  { name: "of root's", byRoot: true, change: (file) => chownSync(file, ROOT, ROOT) },
  { name: 'that all may read', change: (file) => chmodSync(file, 0o644) },
  { name: 'that nobody may write', change: (file) => chmodSync(file, 0o444) },
];

/** Of the artefacts' folder (level 0), and of each above it. */
const FOLDERS = [
  { name: 'of another user', byRoot: true, refused: true, change: (folder) => chownSync(folder, SOMEBODY, SOMEBODY) },
  {
    name: 'of another user, sticky',
    byRoot: true,
    refused: true,
    change: (folder) => {
      chownSync(folder, SOMEBODY, SOMEBODY);
      chmodSync(folder, 0o1777);
    },
  },
  { name: 'that its group may write', refused: true, change: (folder) => chmodSync(folder, 0o775) },
  { name: 'that others may write', refused: true, change: (folder) => chmodSync(folder, 0o757) },
  { name: 'that all may write', refused: true, change: (folder) => chmodSync(folder, 0o777) },
  { name: 'behind a link', refused: true, change: (folder) => linkAway(folder, `${folder}.real`) },
  // As /tmp is: other users cannot replace files of this user there.
  {
    name: 'that all may write, sticky',
    refused: (level) => level === 0,
    change: (folder) => chmodSync(folder, 0o1777),
  },
  { name: "of root's", byRoot: true, change: (folder) => chownSync(folder, ROOT, ROOT) },
  { name: 'that nobody may write', change: (folder) => chmodSync(folder, 0o555) },
];

function linkAway(name, to) {
  renameSync(name, to);
  symlinkSync(to, name);
}

/** A cache of one user, with one artefact, and that user's process. */
class Place {
  guest = { answer: 41, wasm: wat2wasm(numbered(41)) };
  #top = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-owners-'));
  #child;
  #died;

  constructor(uid) {
    this.uid = uid;
    // Its warnings arrive as messages, not on stderr.
    const options = { serialization: 'advanced', execArgv: ['--no-warnings'] };
    this.#child = fork(script, uid === own ? [] : [String(uid)], options);
    this.#died = once(this.#child, 'exit').then(died);
    // `load` rejects with it; while none waits it must not count as unhandled.
    this.#died.catch(() => {});
    this.directory = path.join(this.#top, 'far/near/cache');
    mkdirSync(this.directory, { recursive: true });
  }

  async fill() {
    for (const folder of this.#ancestors) this.#restore(folder, 0o755);
    const seen = await this.load();
    this.folder = path.join(this.directory, compatOf(this.directory));
    [this.file] = readdirSync(this.folder)
      .filter((name) => !name.startsWith('.'))
      .map((name) => path.join(this.folder, name));
    this.restore();
    return seen;
  }

  /** From the artefacts' folder upwards, with what they are called. */
  get levels() {
    const names = [
      "the artefacts' folder",
      "the cache's folder",
      'the folder above',
      'the second above',
      'the third above',
    ];
    return [this.folder, ...this.#ancestors].map((folder, level) => ({ folder, name: names[level] }));
  }

  get #ancestors() {
    return [this.directory, path.join(this.#top, 'far/near'), path.join(this.#top, 'far'), this.#top];
  }

  get aside() {
    return `${this.#top}.aside`;
  }

  /** Loads the guest in the user's process. */
  async load() {
    const { directory, guest } = this;
    this.#child.send({ directory, wasm: guest.wasm });
    const answered = new Promise((resolve) => this.#child.once('message', resolve));
    const seen = await Promise.race([answered, this.#died]);
    return seen;
  }

  /** As shipped: all of it is this user's, and others may read it. */
  restore() {
    rmSync(this.aside, { force: true });
    rmSync(`${this.file}.bak`, { force: true });
    for (const { folder } of this.levels.reverse()) this.#restore(folder, 0o755);
    this.#restore(this.file, 0o644);
  }

  #restore(name, mode) {
    if (lstatSync(`${name}.real`, { throwIfNoEntry: false })) {
      unlinkSync(name);
      renameSync(`${name}.real`, name);
    }
    if (isRoot) chownSync(name, this.uid, this.uid);
    chmodSync(name, mode);
  }

  async remove() {
    if (this.#child.connected) this.#child.disconnect();
    // It has sent all its answers: its exit code does not matter.
    await this.#died.catch(() => {});
    rmSync(this.#top, { recursive: true, force: true });
    rmSync(this.aside, { force: true });
  }
}

function died([code, signal]) {
  throw new Error(`the process that loads ended with ${signal ?? code}`);
}

/** The report's `problems` are empty if all bad cases were refused, and no others. */
export async function owners({ note = () => {} } = {}) {
  const report = new Report();
  const users = isRoot
    ? [
        ['root', ROOT],
        ['nobody', NOBODY],
      ]
    : [['this user', own]];
  for (const [user, uid] of users) {
    const place = new Place(uid);
    try {
      const [first, second] = [await place.fill(), await place.load()];
      report.check(`${user}, at first`, first, { ...compiled(place.guest), listed: 1, warnings: [] });
      report.check(`${user}, then`, second, { ...found(place.guest), listed: 1, warnings: [] });
      for (const given of FILES.filter(possible))
        await ofFile(place, `${user}, a file ${given.name}`, given, report, note);
      for (const [level, { folder, name }] of place.levels.entries()) {
        for (const given of FOLDERS.filter(possible)) {
          await ofFolder(place, `${user}, ${name} ${given.name}`, { ...given, level, folder }, report, note);
        }
      }
    } finally {
      await place.remove();
    }
  }
  const tallies = [...report.kinds.values()];
  const refused = tallies.filter(({ outcomes }) => Object.keys(outcomes).length > 0).length;
  const leftOut = [...FILES, ...FOLDERS].filter((given) => !possible(given)).length;
  return { report, refused, used: tallies.length - refused, leftOut };
}

const possible = ({ byRoot = false }) => isRoot || !byRoot;

async function ofFile(place, what, { change, reason }, report, note) {
  change(place.file, place.aside);
  const seen = await place.load();
  const expected = reason === undefined ? found(place.guest) : compiled(place.guest, reason);
  const good = report.check(what, seen, { ...expected, listed: 1, warnings: [] });
  report.count(what, reason && { [reason]: 1 });
  note(`${what.padEnd(64)} ${good ? (reason ?? 'used') : '✗'}`);
  if (reason !== undefined) {
    // The newly compiled artefact is in its place.
    report.check(`${what}, afterwards`, await place.load(), { ...found(place.guest), listed: 1, warnings: [] });
  }
  place.restore();
}

async function ofFolder(place, what, { change, refused = false, level, folder }, report, note) {
  const refuses = typeof refused === 'function' ? refused(level) : refused;
  const before = lookOf(place.file);
  change(folder);
  const { warnings, ...seen } = await place.load();
  // Among the artefacts' folders, one that is not trusted is none of ours.
  const listed = level === 0 ? 0 : 'ERR_READ';
  const expected = refuses
    ? { ...compiled(place.guest, 'directory'), listed, warnings: 1 }
    : { ...found(place.guest), listed: 1, warnings: 0 };
  const good = report.check(what, { ...seen, warnings: warnings.length }, expected);
  report.count(what, refuses && { directory: 1 });
  note(`${what.padEnd(64)} ${good ? (refuses ? 'directory' : 'used') : `✗ ${warnings}`}`);
  place.restore();
  report.check(`${what}, the artefact`, lookOf(place.file), before);
  report.check(`${what}, afterwards`, await place.load(), { ...found(place.guest), listed: 1, warnings: [] });
}

/** The engine writes nothing to a folder that it does not trust. */
function lookOf(file) {
  const { ino, size, mtimeMs } = lstatSync(file);
  return { ino, size, mtimeMs };
}

if (isMain(import.meta.url)) {
  await main(async () => {
    const { report, refused, used, leftOut } = await owners({ note: console.log });
    if (leftOut > 0) console.log(`${leftOut} are left out: only root can make them`);
    console.log(`\n${refused + used} cases: ${refused} to refuse, ${used} to use; ${report.problemCount} problems`);
    for (const problem of report.problems) console.log(`✗ ${problem}`);
    if (report.problemCount > 0) process.exitCode = 1;
  });
}
