// A cache's folder with small guests and the genuine artefact of each; loads a guest and says what the cache did.
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Engine, Instance, wat2wasm } from '../../dist/index.js';
import { deriveKey, hash, keyedHash } from './blake3.mjs';

/** More than the 32 that an engine's memory tier keeps: a test that goes round them finds each on the disk only. */
export const GUESTS = 40;
/** Of this number of guests two are long: a module and a component. */
const LONG_EVERY = 10;

export const HEADER = Buffer.from('RIPTIDEC\x01\0\0\0', 'latin1');
/** Header and MAC. */
export const FRONT = HEADER.length + 32;
const KEY_CONTEXT = 'riptide-wasm 2026-11 cache artefact key';
export const KEY = Buffer.from('a key of the operator, 32 bytes or more');

/** A guest as text: it gives its number. `long`: with data enough for more than one read of its artefact. */
export function numbered(number, { component = false, long = false } = {}) {
  const data = long ? `(memory 8) (data (i32.const 0) "${'~'.repeat(300_000)}")` : '';
  const core = `${data} (func (export "n") (result i32) (i32.const ${number}))`;
  if (!component) return `(module ${core})`;
  return `(component (core module $m ${core}) (core instance $i (instantiate $m))
    (func (export "n") (result s32) (canon lift (core func $i "n"))))`;
}

/** Modules and components by turns. */
function makeGuests() {
  return Array.from({ length: GUESTS }, (_, index) => {
    const answer = 1000 + index;
    const component = index % 2 === 1;
    const wasm = wat2wasm(numbered(answer, { component, long: index % LONG_EVERY < 2 }));
    const digest = hash(wasm);
    return { index, answer, component, wasm, digest, name: `${digest.toString('hex')}_${wasm.length}` };
  });
}

/** The only folder of a cache that has just been used by engines with the same settings. */
export function compatOf(directory) {
  const folders = readdirSync(directory).filter((name) => /^[0-9a-f]{64}$/.test(name));
  if (folders.length !== 1) throw new Error(`${directory} has ${folders.length} folders instead of one`);
  return folders[0];
}

/** Loads a guest and calls it. Resolves with its answer and the changes of the cache's counters. */
export async function use(engine, { wasm }) {
  const before = engine.cache.snapshot();
  const code = await engine.load(wasm);
  const after = engine.cache.snapshot();
  const instance = Instance.createSync(code);
  const answer = instance.callSync('n');
  instance.close();
  const seen = { answer, cacheHit: code.cacheHit, rejected: {} };
  for (const name of ['misses', 'memoryHits', 'diskHits', 'writeFailures']) seen[name] = after[name] - before[name];
  for (const [reason, count] of Object.entries(after.rejected))
    if (count !== before.rejected[reason]) seen.rejected[reason] = count - before.rejected[reason];
  return seen;
}

const QUIET = { misses: 0, memoryHits: 0, diskHits: 0, writeFailures: 0, rejected: {} };

/** The result of `use` for a guest from the disk. */
export const found = ({ answer }) => ({ ...QUIET, answer, cacheHit: true, diskHits: 1 });

/** The result of `use` for a guest that was compiled after its artefact was refused. */
export const compiled = ({ answer }, reason) => ({
  ...QUIET,
  answer,
  cacheHit: false,
  misses: 1,
  rejected: reason === undefined ? {} : { [reason]: 1 },
});

/** A cache under key trust, with an artefact of each guest. */
export class Artefacts {
  guests = makeGuests();
  #top = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-mutants-'));
  #keyFile = path.join(this.#top, 'key');
  /** Of each guest, by its index. */
  #genuine = [];
  /** Of each guest by its index, sealed by engines with other settings; and where these keep them. */
  others = {};

  static async make() {
    const artefacts = new Artefacts();
    await artefacts.#fill();
    return artefacts;
  }

  async #fill() {
    mkdirSync(this.path('aside'));
    writeFileSync(this.#keyFile, KEY, { mode: 0o600 });
    const otherKey = this.path('other-key');
    writeFileSync(otherKey, Buffer.alloc(32, 7), { mode: 0o600 });
    this.engine = new Engine({ cache: { directory: this.path('cache'), keyFile: this.#keyFile } });
    const main = await this.#compile(this.engine);
    this.folder = path.join(this.path('cache'), main.compat);
    this.#genuine = main.files;
    const settings = {
      fuel: { fuel: true },
      'no SIMD': { simd: false },
      'no signals': { signalsBasedTraps: false },
      baseline: { cpu: 'baseline' },
      'owner trust': { cache: { trust: 'owner' } },
      'another key': { cache: { keyFile: otherKey } },
    };
    for (const [name, { cache = { keyFile: this.#keyFile }, ...options }] of Object.entries(settings)) {
      const engine = new Engine({ workers: 1, ...options, cache: { directory: this.path(name), ...cache } });
      this.others[name] = await this.#compile(engine);
    }
  }

  async #compile(engine) {
    for (const guest of this.guests) await use(engine, guest);
    const { directory } = engine.cache;
    const compat = compatOf(directory);
    return { compat, files: this.guests.map(({ name }) => readFileSync(path.join(directory, compat, name))) };
  }

  path(name) {
    return path.join(this.#top, name);
  }

  /** Where a guest's artefact is. */
  place({ name }) {
    return path.join(this.folder, name);
  }

  genuine({ index }) {
    return this.#genuine[index];
  }

  /** The bytes that are signed before the artefact: they name its guest and settings. */
  signed({ digest, wasm, component }) {
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(wasm.length));
    const compat = Buffer.from(path.basename(this.folder), 'hex');
    return Buffer.concat([HEADER, digest, size, compat, Buffer.from([Number(component)])]);
  }

  /** The MAC as the package makes it: that it is right shows that forgeries are wrong in their key alone. */
  mac(guest) {
    const message = Buffer.concat([this.signed(guest), this.genuine(guest).subarray(FRONT)]);
    return keyedHash(deriveKey(KEY_CONTEXT, KEY), message);
  }

  /** Puts bytes in a guest's place by renaming, as the package does: a process that has mapped the old file keeps it. */
  put(guest, bytes) {
    this.putOther(guest, (file) => writeFileSync(file, bytes, { mode: 0o600 }));
  }

  /** Puts the file that `make` creates in a guest's place. */
  putOther(guest, make) {
    const file = this.path('aside/next');
    rmSync(file, { recursive: true, force: true });
    make(file);
    // Neither replaces a folder, nor a file by a folder.
    if (lstatSync(file).isDirectory() || this.#isFolder(guest)) rmSync(this.place(guest), { recursive: true });
    renameSync(file, this.place(guest));
  }

  #isFolder(guest) {
    return lstatSync(this.place(guest), { throwIfNoEntry: false })?.isDirectory() ?? false;
  }

  /** The fault of the file in a guest's place; `undefined` if it is the genuine one. */
  wrongAt(guest) {
    const look = lstatSync(this.place(guest), { throwIfNoEntry: false });
    if (look === undefined) return 'nothing is in its place';
    if (!look.isFile()) return 'what is in its place is no file';
    if (look.nlink !== 1 || look.uid !== process.geteuid() || (look.mode & 0o777) !== 0o600)
      return `the file has ${look.nlink} names, user ${look.uid} and mode ${(look.mode & 0o777).toString(8)}`;
    if (!readFileSync(this.place(guest)).equals(this.genuine(guest))) return 'the file has other bytes';
    return undefined;
  }

  /** As it was: one file of this user, in a folder of this user. */
  tidy(guest) {
    chmodSync(this.folder, 0o700);
    chownSync(this.folder, process.geteuid(), process.getegid());
    this.put(guest, this.genuine(guest));
  }

  remove() {
    rmSync(this.#top, { recursive: true, force: true });
  }
}
