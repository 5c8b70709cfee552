import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Engine, wat2wasm } from '../dist/index.js';
import {
  artefactsIn,
  cli,
  collectWarnings,
  guestFile,
  loadAsNobody,
  loadElsewhere,
  noOtherUser,
  numbered,
  ownHome,
} from './cache-support.js';
import { eventually, failure, loadWat, temporaryFolder } from './support.js';

const DAY_MILLIS = 24 * 3_600_000;
const mode = (path: string) => statSync(path).mode & 0o7777;

/** A folder that everybody may enter, as an image has. */
function imageFolder(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  return folder;
}

function setAge(file: string, days: number): void {
  const then = new Date(Date.now() - days * DAY_MILLIS);
  utimesSync(file, then, then);
}

describe('an image', () => {
  test('is used beside a folder that another user keeps to himself', async ({ skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    const [folder, guest, other] = [imageFolder(), guestFile(numbered(7)), guestFile(numbered(8))];
    for (const file of [guest, other]) chmodSync(join(file, '..'), 0o755);
    const directory = join(folder, 'cache');
    const args = ['--cpu', 'baseline', '--trust', 'owner', '--out', directory];
    expect(await cli(['precompile', guest, ...args])).toMatchObject({ code: 0 });
    const env = { RIPTIDE_WASM_CACHE_DIR: directory, RIPTIDE_WASM_CACHE_TRUST: 'owner' };
    // Root's own, for its own processor.
    expect((await loadElsewhere([other], env)).cache).toMatchObject({ misses: 1, writeFailures: 0 });
    expect(readdirSync(directory)).toHaveLength(2);
    const { guests, cache, warnings } = await loadAsNobody([guest], env);
    expect({ guests, warnings }).toEqual({ guests: [{ cacheHit: true, answer: 7 }], warnings: [] });
    expect(cache).toMatchObject({ diskHits: 1, misses: 0 });
  });

  test('leaves what lay in its folder as it was', async () => {
    const [folder, guest] = [temporaryFolder(), guestFile(numbered(7))];
    const [directory, secret] = [join(folder, 'cache'), join(folder, 'secret')];
    writeFileSync(secret, 'mine', { mode: 0o600 });
    mkdirSync(join(directory, 'ab'.repeat(32)), { recursive: true, mode: 0o700 });
    const planted = join(directory, 'ab'.repeat(32), `${'cd'.repeat(32)}_10`);
    symlinkSync(secret, planted);
    const before = [directory, join(planted, '..'), secret].map(mode);
    expect(await cli(['precompile', guest, '--out', directory], { env: ownHome() })).toMatchObject({ code: 0 });
    expect([directory, join(planted, '..'), secret].map(mode)).toEqual(before);
    const [made] = artefactsIn(directory) as [string];
    expect([mode(made), mode(join(made, '..'))]).toEqual([0o644, 0o755]);
  });

  test('notes its use where it may, so that what is used is not evicted', async () => {
    const [directory, guest] = [temporaryFolder(), wat2wasm(numbered(7))];
    await new Engine({ cache: { directory }, cpu: 'baseline' }).load(guest);
    const [artefact] = artefactsIn(directory) as [string];
    setAge(artefact, 91);
    const engine = new Engine({ cache: { directory } });
    expect((await engine.load(guest)).cacheHit).toBe(true);
    await loadWat(engine, numbered(8));
    expect(existsSync(artefact)).toBe(true);
    expect(engine.cache.snapshot()).toMatchObject({ evictions: 0, entries: 2 });
  });
});

describe('a cache', () => {
  test('neither reads nor writes through a link in the place of its folder', async () => {
    const [folder, directory] = [temporaryFolder(), temporaryFolder()];
    const elsewhere = join(folder, 'elsewhere');
    await loadWat(new Engine({ cache: { directory } }), numbered(7));
    const [compat] = readdirSync(directory) as [string];
    renameSync(join(directory, compat), elsewhere);
    symlinkSync(elsewhere, join(directory, compat));
    const before = readdirSync(elsewhere);
    const warnings = collectWarnings();
    const engine = new Engine({ cache: { directory, maxEntries: 100 } });
    for (const number of [7, 8]) expect((await loadWat(engine, numbered(number))).cacheHit).toBe(false);
    expect(readdirSync(elsewhere)).toEqual(before);
    expect(engine.cache.snapshot()).toMatchObject({ misses: 2, diskHits: 0, rejected: { directory: 2 } });
    await new Promise(setImmediate);
    expect(warnings).toEqual([expect.stringContaining("the compile cache's directory is not used")]);
  });

  test('is pruned by its own limits where none are given', async () => {
    const directory = temporaryFolder();
    const engine = new Engine({ cache: { directory, maxAgeMillis: 365 * DAY_MILLIS } });
    await loadWat(engine, numbered(7));
    const [artefact] = artefactsIn(directory) as [string];
    setAge(artefact, 200);
    expect(await engine.cache.prune()).toEqual({ entries: 0, bytes: 0 });
    expect(await engine.cache.prune({ maxBytes: 1_000_000 })).toEqual({ entries: 0, bytes: 0 });
    expect(await engine.cache.prune({ maxAgeMillis: 100 * DAY_MILLIS })).toMatchObject({ entries: 1 });
  });

  test('tells its warnings where the load fails, too', async () => {
    const directory = join(temporaryFolder(), 'a-file');
    writeFileSync(directory, '');
    const warnings = collectWarnings();
    const engine = new Engine({ cache: { directory } });
    const broken = wat2wasm(numbered(7)).slice(0, -3);
    expect(await failure(engine.load(broken))).toMatchObject({ code: 'ERR_COMPILE' });
    await new Promise(setImmediate);
    expect(warnings).toHaveLength(1);
  });
});

describe.skipIf(process.platform !== 'linux')('a compiling process (which only Linux shows here)', () => {
  test('ends with a parent that is killed before it began', async () => {
    const index = fileURLToPath(new URL('../dist/index.js', import.meta.url));
    const body = '(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 3)) (i32.const 7)))'.repeat(200_000);
    const file = guestFile(`(module (func (param i32) ${body}))`);
    const script = `import { Engine } from ${JSON.stringify(index)};
      await new Engine({ cache: false, compile: { isolated: true } }).load(process.argv[1]);`;
    for (let round = 0; round < 4; round++) {
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script, file], { stdio: 'ignore' });
      onTestFinished(() => void parent.kill('SIGKILL'));
      let child: string | undefined;
      // As soon as it is there: it is still Node that starts.
      while (child === undefined) {
        await new Promise(setImmediate);
        const tasks = readdirSync(`/proc/${parent.pid}/task`);
        child = tasks.flatMap((task) => childrenOf(parent.pid, task)).at(0);
      }
      parent.kill('SIGKILL');
      await eventually(() => !alive(child));
    }
  }, 60_000);

  function childrenOf(parent: number | undefined, task: string): string[] {
    try {
      return readFileSync(`/proc/${parent}/task/${task}/children`, 'utf8').split(' ').filter(Boolean);
    } catch {
      return []; // the thread has ended
    }
  }

  /** A process that has ended and that nobody asked for is no process any more. */
  function alive(pid: string | undefined): boolean {
    try {
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return false;
    }
  }
});
