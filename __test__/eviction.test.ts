import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type CacheLimits, Engine, type EngineOptions, wat2wasm } from '../dist/index.js';
import {
  allIn,
  artefactsIn,
  cli,
  collectWarnings,
  guestFile,
  loadAsNobody,
  lookOf,
  noOtherUser,
  numbered,
  ownHome,
} from './cache-support.js';
import { eventually, failure, MATH, poolOf, temporaryFolder } from './support.js';

const HOUR = 3600;
const DAY = 24 * HOUR;

/** A cache's directory, and what there is to know about it. */
class Place {
  readonly directory = temporaryFolder();
  readonly #artefacts = new Map<number, string>();

  /** An engine whose limits leave everything alone, but for those it is told. */
  engine(limits: CacheLimits = {}, options: EngineOptions = {}): Engine {
    return new Engine({ ...options, cache: { directory: this.directory, ...limits } });
  }

  /** Has a numbered guest compiled. */
  async load(number: number, engine: Engine): Promise<void> {
    const before = artefactsIn(this.directory);
    await engine.load(wat2wasm(numbered(number)));
    const [made] = artefactsIn(this.directory).filter((file) => !before.includes(file));
    this.#artefacts.set(number, made as string);
  }

  /** Leaves artefacts that were last used so many seconds ago. */
  async fill(ages: Record<number, number>, options: EngineOptions = {}): Promise<void> {
    const engine = this.engine({}, { ...options, coldStartTargetMillis: 3_600_000 });
    for (const number of Object.keys(ages).map(Number)) {
      await this.load(number, engine);
      // It has looked after its limits then, and comes in the way of no other.
      await eventually(() => engine.cache.snapshot().entries === artefactsIn(this.directory).length);
    }
    for (const [number, age] of Object.entries(ages)) makeOlder(this.file(Number(number)), age);
  }

  /** The artefact of a guest. */
  file(number: number): string {
    return this.#artefacts.get(number) as string;
  }

  /** Which guests are still there. */
  get kept(): number[] {
    return [...this.#artefacts].filter(([, file]) => existsSync(file)).map(([number]) => number);
  }

  /** What the directory holds, counted from outside. */
  get held(): { entries: number; bytes: number } {
    const files = artefactsIn(this.directory);
    return { entries: files.length, bytes: files.reduce((sum, file) => sum + statSync(file).size, 0) };
  }
}

function makeOlder(file: string, seconds: number): void {
  const used = Date.now() / 1000 - seconds;
  utimesSync(file, used, used);
}

describe('a cache with limits', () => {
  test('knows how much there is, after a load that compiled and after one that did not', async () => {
    const place = new Place();
    const first = place.engine();
    await first.load(wat2wasm(numbered(1)));
    await eventually(() => first.cache.snapshot().entries === 1);
    await first.load(wat2wasm(numbered(2)));
    await eventually(() => first.cache.snapshot().entries === 2);
    expect(first.cache.snapshot()).toMatchObject({ ...place.held, evictions: 0 });
    const second = place.engine({ maxEntries: 100 });
    await second.load(wat2wasm(numbered(1)));
    await eventually(() => second.cache.snapshot().entries === 2);
    expect(second.cache.snapshot()).toMatchObject({ ...place.held, diskHits: 1 });
  });

  const limits: [string, (place: Place) => CacheLimits][] = [
    ['so many artefacts', () => ({ maxEntries: 2 })],
    ['so many bytes', (place) => ({ maxBytes: 2 * statSync(place.file(1)).size })],
    ['an age', () => ({ maxAgeMillis: 36 * HOUR * 1000 })],
  ];
  test.each(limits)('keeps to %s with each load that compiles, what was used last', async (_, limit) => {
    const place = new Place();
    await place.fill({ 1: 2 * DAY, 2: 3 * DAY, 3: DAY });
    const engine = place.engine(limit(place));
    await engine.load(wat2wasm(numbered(3)));
    await place.load(4, engine);
    await eventually(() => engine.cache.snapshot().evictions === 2);
    expect(place.kept).toEqual([3, 4]);
    expect(engine.cache.snapshot()).toMatchObject({ ...place.held, entries: 2 });
  });

  test.each(limits)('prunes to %s when it is told to', async (_, limit) => {
    const place = new Place();
    await place.fill({ 1: 2 * DAY, 2: 3 * DAY, 3: DAY, 4: 0 });
    const given = limit(place);
    const sizes = [1, 2].map((number) => statSync(place.file(number)).size);
    const engine = place.engine();
    const removed = { entries: 2, bytes: (sizes[0] as number) + (sizes[1] as number) };
    expect(await engine.cache.prune(given)).toEqual(removed);
    expect(place.kept).toEqual([3, 4]);
    expect(engine.cache.snapshot()).toMatchObject({ ...place.held, evictions: 2 });
    expect(await engine.cache.prune(given)).toEqual({ entries: 0, bytes: 0 });
  });

  test('keeps what was used, however long ago it was made', async () => {
    const place = new Place();
    await place.fill({ 1: 10 * DAY, 2: 5 * DAY });
    const engine = place.engine({ maxEntries: 50 });
    await engine.load(wat2wasm(numbered(1)));
    expect(await engine.cache.prune({ maxEntries: 1 })).toMatchObject({ entries: 1 });
    expect(place.kept).toEqual([1]);
  });

  test('forgets after ninety days what nobody used, without being told', async () => {
    const place = new Place();
    await place.fill({ 1: 91 * DAY, 2: 89 * DAY });
    const engine = place.engine({}, { coldStartTargetMillis: 77 });
    await place.load(3, engine);
    await eventually(() => engine.cache.snapshot().evictions === 1);
    expect(place.kept).toEqual([2, 3]);
  });

  test('of nothing keeps nothing, and loads all the same', async () => {
    const place = new Place();
    const engine = place.engine({ maxBytes: 0 });
    const code = await engine.load(wat2wasm(numbered(1)));
    await eventually(() => engine.cache.snapshot().evictions === 1);
    expect(artefactsIn(place.directory)).toEqual([]);
    expect((await engine.load(wat2wasm(numbered(1)))).cacheHit).toBe(true); // this process has it
    expect(code.kind).toBe('module');
    expect(engine.cache.snapshot()).toMatchObject({ entries: 0, bytes: 0, writeFailures: 0 });
  });

  test('evicts what other engines left in its directory', async () => {
    const place = new Place();
    await place.fill({ 1: 3 * DAY }, { simd: false });
    await place.fill({ 2: 2 * DAY }, { cpu: 'baseline' });
    await place.fill({ 3: DAY }, { signalsBasedTraps: false });
    expect(new Set([1, 2, 3].map((number) => dirname(place.file(number)))).size).toBe(3);
    const engine = place.engine({ maxEntries: 2 });
    await place.load(4, engine);
    await eventually(() => engine.cache.snapshot().evictions === 2);
    expect(place.kept).toEqual([3, 4]);
    const entries = await engine.cache.entries();
    expect(entries.map(({ current }) => current)).toEqual([true, false]);
  });

  test('is shown with all its entries, the most recently used first', async () => {
    const place = new Place();
    await place.fill({ 1: 2 * DAY, 2: 3 * DAY, 3: DAY });
    const entries = await place.engine().cache.entries();
    expect(entries.map(({ compat, moduleHash, moduleBytes }) => `${compat}/${moduleHash}_${moduleBytes}`)).toEqual(
      [3, 1, 2].map((number) => place.file(number).slice(place.directory.length + 1)),
    );
    for (const [index, number] of [3, 1, 2].entries()) {
      const { size, mtimeMs } = statSync(place.file(number));
      expect(entries[index]).toMatchObject({ bytes: size, current: true });
      // To the second.
      expect(Math.abs((entries[index]?.used.getTime() ?? 0) - mtimeMs)).toBeLessThan(1000);
    }
  });

  test('tells apart what was used within one second', async () => {
    const place = new Place();
    await place.fill({ 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 });
    const second = Math.floor(Date.now() / 1000) - HOUR;
    for (const number of [1, 2, 3, 4, 5]) utimesSync(place.file(number), second, second + number / 10);
    const { cache } = place.engine();
    const hashes = (await cache.entries()).map(({ moduleHash }) => moduleHash);
    expect(hashes).toEqual([5, 4, 3, 2, 1].map((number) => basename(place.file(number)).slice(0, 64)));
    await cache.prune({ maxEntries: 2 });
    expect(place.kept).toEqual([4, 5]);
  });

  test('removes all when it is told to, and its folders', async () => {
    const place = new Place();
    await place.fill({ 1: 0, 2: DAY });
    await place.fill({ 3: 0 }, { cpu: 'baseline' });
    const { held } = place;
    for (const lock of allIn(place.directory).filter((name) => name.includes('.lock-'))) {
      makeOlder(join(place.directory, lock), 2 * HOUR);
    }
    expect(await place.engine().cache.clear()).toEqual(held);
    expect(allIn(place.directory)).toEqual([]);
    expect(await place.engine().cache.clear()).toEqual({ entries: 0, bytes: 0 });
  });

  test('touches nothing that is no artefact', async () => {
    const place = new Place();
    await place.fill({ 1: 0 });
    const [folder, name] = [dirname(place.file(1)), basename(place.file(1))];
    const outside = temporaryFolder();
    copyFileSync(place.file(1), join(outside, name));
    symlinkSync(outside, join(place.directory, 'f'.repeat(64)));
    mkdirSync(join(place.directory, 'mine'));
    copyFileSync(place.file(1), join(place.directory, 'mine', name));
    mkdirSync(
      join(
        folder,
        name.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      ),
    );
    for (const file of [join(place.directory, 'notes.txt'), join(folder, 'notes.txt'), join(folder, `${name}.bak`)]) {
      writeFileSync(file, 'not yours');
      utimesSync(file, 1, 1);
    }
    const before = allIn(place.directory);
    const engine = place.engine({ maxEntries: 7 });
    expect(await engine.cache.entries()).toHaveLength(1);
    expect(await engine.cache.clear()).toMatchObject({ entries: 1 });
    expect(allIn(place.directory)).toEqual(before.filter((file) => !file.endsWith(`${basename(folder)}/${name}`)));
    expect(readdirSync(outside)).toEqual([name]);
  });

  test('removes what nobody finished writing within an hour', async () => {
    const place = new Place();
    await place.fill({ 1: 0 });
    const [old, fresh] = ['.new-old', '.new-fresh'].map((name) => join(dirname(place.file(1)), name));
    for (const file of [old, fresh] as string[]) writeFileSync(file, 'half an artefa');
    makeOlder(old as string, HOUR + 60);
    const engine = place.engine({ maxEntries: 8 });
    await place.load(2, engine);
    await eventually(() => !existsSync(old as string));
    expect(existsSync(fresh as string)).toBe(true);
    expect(place.kept).toEqual([1, 2]);
    expect(engine.cache.snapshot()).toMatchObject({ evictions: 0 });
  });

  test.each([
    [{ maxBytes: -1 }, 'maxBytes'],
    [{ maxEntries: 1.5 }, 'maxEntries'],
    [{ maxEntries: 1_000_001 }, 'maxEntries'],
    [{ maxAgeMillis: 0 }, 'maxAgeMillis'],
    [{ maxAge: 1 }, 'maxAge'],
  ])('%j is ERR_BAD_OPTION', async (given, option) => {
    const place = new Place();
    expect(() => place.engine(given as CacheLimits)).toThrow(
      expect.objectContaining({
        code: 'ERR_BAD_OPTION',
        details: expect.objectContaining({ option: `cache.${option}` }),
      }),
    );
    const error = await failure(place.engine().cache.prune(given as CacheLimits));
    expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option } });
  });
});

describe('a clock that ran backwards', () => {
  test('is one warning and a count, and evicts nothing early', async () => {
    const place = new Place();
    await place.fill({ 1: -DAY, 2: DAY });
    const warnings = collectWarnings();
    const engine = place.engine({ maxEntries: 9 });
    expect(await engine.cache.prune({ maxEntries: 1 })).toMatchObject({ entries: 1 });
    expect(place.kept).toEqual([1]);
    expect(engine.cache.snapshot().clockSkews).toBeGreaterThan(0);
    await engine.cache.prune();
    await new Promise(setImmediate);
    expect(warnings).toEqual([expect.stringContaining('clock')]);
    expect(await engine.cache.clear()).toMatchObject({ entries: 1 });
  });

  test('is told by a load that compiles, too', async () => {
    const place = new Place();
    await place.fill({ 1: -DAY });
    const warnings = collectWarnings();
    const engine = place.engine({ maxEntries: 10 });
    await place.load(2, engine);
    await eventually(() => engine.cache.snapshot().clockSkews === 1);
    await eventually(() => warnings.length === 1);
    expect(warnings).toEqual([expect.stringContaining('clock')]);
  });

  test('costs nothing where the artefact is used', async () => {
    const place = new Place();
    await place.fill({ 1: -DAY });
    const engine = place.engine({ maxEntries: 11 });
    expect((await engine.load(wat2wasm(numbered(1)))).cacheHit).toBe(true);
    expect(await engine.cache.prune()).toEqual({ entries: 0, bytes: 0 });
    expect(engine.cache.snapshot()).toMatchObject({ diskHits: 1, clockSkews: 0 });
  });
});

describe('a directory that cannot be written', () => {
  /** Root's, which others may read. */
  function rootsFolder(): string {
    const folder = temporaryFolder();
    chmodSync(folder, 0o755);
    return folder;
  }

  function readableGuest(): string {
    const file = guestFile(numbered(5));
    chmodSync(dirname(file), 0o755);
    return file;
  }

  function keyFile(): string {
    const file = join(rootsFolder(), 'key');
    writeFileSync(file, 'k'.repeat(32));
    chmodSync(file, 0o644);
    return file;
  }

  test.for([
    ['that is read-only', '.'],
    ['that is missing, and cannot be made', 'missing/cache'],
  ] as const)('%s costs a warning and a count', async ([_, below], { skip }) => {
    skip(noOtherUser !== undefined, noOtherUser);
    const folder = rootsFolder();
    const env = { RIPTIDE_WASM_CACHE_DIR: join(folder, below), RIPTIDE_WASM_CACHE_KEY_FILE: keyFile() };
    const before = lookOf(folder);
    const { guests, cache, warnings } = await loadAsNobody([readableGuest(), readableGuest()], env);
    expect(guests).toEqual([
      { cacheHit: false, answer: 5 },
      { cacheHit: true, answer: 5 },
    ]);
    expect(cache).toMatchObject({ misses: 1, memoryHits: 1, writeFailures: 1 });
    expect(warnings).toEqual([expect.stringContaining('cache could not be written')]);
    expect(lookOf(folder)).toEqual(before);
  });

  test('for its disk is full costs a warning and a count, and leaves nothing behind', async ({ skip }) => {
    const folder = temporaryFolder();
    const options = ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', folder];
    const mounted = process.platform === 'linux' && spawnSync('mount', options).status === 0;
    skip(!mounted, 'no small file system can be mounted here');
    onTestFinished(() => void spawnSync('umount', [folder]));
    const warnings = collectWarnings();
    const engine = new Engine({ cache: { directory: folder } });
    const pool = await poolOf(engine, MATH, { max: 1 });
    expect(await pool.call('add', [40, 2])).toBe(42);
    await engine.load(wat2wasm(numbered(1)));
    expect(engine.cache.snapshot()).toMatchObject({ misses: 2, writeFailures: 2 });
    await new Promise(setImmediate);
    expect(warnings).toEqual([expect.stringMatching(/cache could not be written: .*space/)]);
    expect(allIn(folder).filter((name) => !/^[0-9a-f]{64}(\/\.lock-..)?$/.test(name))).toEqual([]);
  });
});

describe('code that runs', () => {
  test.each(['key', 'owner'] as const)(
    'goes on while its artefact is removed by another process (%s)',
    async (trust) => {
      const directory = temporaryFolder();
      await new Engine({ cache: { directory, trust } }).load(wat2wasm(MATH));
      // Other limits, so a memory tier of its own: it has the code from the disk.
      const engine = new Engine({ cache: { directory, trust, maxEntries: 78 } });
      const pool = await poolOf(engine, MATH, { max: 2 });
      expect(pool.code.cacheHit).toBe(true);
      expect(engine.cache.snapshot()).toMatchObject({ diskHits: 1 });
      let clearing = true;
      const cleared = cli(['cache', 'clear', '--dir', directory, '--trust', trust], { env: ownHome() }).finally(() => {
        clearing = false;
      });
      for (let round = 0; clearing || round < 1000; round++) expect(await pool.call('add', [round, 1])).toBe(round + 1);
      expect(await cleared).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 artefacts removed/) });
      expect(artefactsIn(directory)).toEqual([]);
      // What it has in memory it keeps; another process finds nothing.
      expect((await engine.load(wat2wasm(MATH))).cacheHit).toBe(true);
      const third = new Engine({ cache: { directory, trust, maxEntries: 79 } });
      expect((await third.load(wat2wasm(MATH))).cacheHit).toBe(false);
      expect(readFileSync(artefactsIn(directory)[0] as string).length).toBeGreaterThan(0);
    },
  );
});
