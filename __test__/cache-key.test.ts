import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Engine, wat2wasm } from '../dist/index.js';
import { artefactsIn, collectWarnings, numbered, ownHome } from './cache-support.js';
import { failure, loadWat, run, temporaryFolder } from './support.js';

/** Engines over one directory, as processes that run for long. */
class Place {
  readonly folder = temporaryFolder();
  readonly keyFile = join(this.folder, 'key');
  readonly directory = join(this.folder, 'cache');

  constructor() {
    this.key('first'.repeat(8));
  }

  /** As a secret is replaced where processes use it: by its name, at once. */
  key(text: string): void {
    writeFileSync(join(this.folder, 'new'), text, { mode: 0o600 });
    renameSync(join(this.folder, 'new'), this.keyFile);
  }

  engine(options: object = {}): Engine {
    const { directory, keyFile } = this;
    return new Engine({ cache: { directory, keyFile }, ...options });
  }
}

describe('a key file', () => {
  test('that is replaced while processes run is read again: what the old key signed is compiled again', async () => {
    const place = new Place();
    // Other options make it an engine of its own, over the same artefacts.
    const [one, other] = [place.engine(), place.engine({ maxMemoryPages: 4095 })];
    await loadWat(one, numbered(1));
    await loadWat(one, numbered(2));
    expect((await loadWat(other, numbered(1))).cacheHit).toBe(true);
    place.key('second'.repeat(8));
    const verified = await other.cache.verify();
    expect(verified.map(({ rejection }) => rejection)).toEqual(['forged', 'forged']);
    expect((await loadWat(other, numbered(2))).cacheHit).toBe(false);
    expect(other.cache.snapshot()).toMatchObject({ misses: 1, diskHits: 1, rejected: { forged: 1 } });
    // Both use the new one.
    await loadWat(one, numbered(3));
    expect((await loadWat(other, numbered(3))).cacheHit).toBe(true);
    const after = (await place.engine({ maxMemoryPages: 4094 }).cache.verify()).map(({ rejection }) => rejection);
    expect(after.filter((rejection) => rejection === undefined)).toHaveLength(2);
    // What a process has in its memory it keeps: it was verified when it was loaded.
    expect((await loadWat(other, numbered(1))).cacheHit).toBe(true);
  });

  test('of which only half is there costs a warning and a compile, and nothing is kept by it', async () => {
    const place = new Place();
    const engine = place.engine();
    await loadWat(engine, numbered(1));
    const warnings = collectWarnings();
    writeFileSync(place.keyFile, 'half');
    for (const number of [2, 3]) expect((await loadWat(engine, numbered(number))).cacheHit).toBe(false);
    expect(artefactsIn(place.directory)).toHaveLength(1);
    place.key('second'.repeat(8));
    await loadWat(engine, numbered(4));
    expect(artefactsIn(place.directory)).toHaveLength(2);
    await new Promise(setImmediate);
    expect(warnings).toEqual([expect.stringContaining(`${place.keyFile} has 4 bytes`)]);
  });

  test('that was refused at first is taken when it is mended', async () => {
    const place = new Place();
    const engine = place.engine();
    writeFileSync(place.keyFile, 'short');
    for (let round = 0; round < 2; round++) {
      const error = await failure(engine.load(wat2wasm(numbered(1))));
      expect(error).toMatchObject({ code: 'ERR_BAD_OPTION', details: { option: 'cache.keyFile' } });
    }
    place.key('second'.repeat(8));
    expect((await loadWat(engine, numbered(1))).cacheHit).toBe(false);
    expect(artefactsIn(place.directory)).toHaveLength(1);
  });

  test('is read again for the shared tier, which keeps what the new key signed', async () => {
    const place = new Place();
    const kept = new Map<string, Uint8Array>();
    const shared = {
      get: async (name: string) => kept.get(name),
      put: async (name: string, bytes: Uint8Array) => void kept.set(name, bytes),
    };
    const machine = (name: string) =>
      new Engine({ cache: { directory: join(place.folder, name), keyFile: place.keyFile, shared } });
    const [one, other] = [machine('one'), machine('other')];
    const guests = [numbered(1), numbered(2)].map((text) => wat2wasm(text));
    await one.precompile(guests);
    expect((await other.load(guests[0] as Uint8Array)).cacheHit).toBe(true);
    place.key('second'.repeat(8));
    await other.precompile(guests.slice(1));
    expect(other.cache.snapshot()).toMatchObject({ sharedHits: 1, misses: 1, rejected: { forged: 1 } });
    const third = machine('third');
    expect((await third.load(guests[1] as Uint8Array)).cacheHit).toBe(true);
    expect((await third.load(guests[0] as Uint8Array)).cacheHit).toBe(false);
  });
});

describe("a user's own key", () => {
  test('is made again where it was removed while a process runs', async () => {
    const env = ownHome();
    const key = join(env.XDG_CONFIG_HOME, 'riptide-wasm', 'cache.key');
    const { code, stdout, stderr } = await run('__test__/fixtures/own-key.mjs', [key], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ rejections: ['forged', null], cacheHits: [false, false, false] });
    expect(statSync(key)).toMatchObject({ size: 32, mode: 0o100_600 });
    rmSync(key);
    expect((await run('__test__/fixtures/own-key.mjs', [key], { env })).stdout).toBe(stdout);
  });
});
