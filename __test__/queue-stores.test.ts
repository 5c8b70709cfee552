// Where pages and results lie: a folder, and a real server that speaks as S3 does.
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FolderStore, type Store } from '../dist/queue/index.js';
import { S3Store } from '../dist/s3.js';
import { noS3, startS3 } from '../stress/shared/s3-process.mjs';
import { failure, temporaryFolder, thrown } from './support.js';

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

const NO_KEYS = [
  '',
  '.',
  '..',
  '../up',
  'a/../../b',
  '/root',
  'a//b',
  'a/',
  'a\\b',
  'a\0b',
  'a\nb',
  'x'.repeat(256),
  `${'y/'.repeat(600)}z`,
  '\ud800',
];

/** What every store does. */
async function keeps(store: Store): Promise<void> {
  expect(await store.get('ab/nothing.json')).toBeUndefined();
  await store.put('ab/größe 1.json', 'Ebbe und Flut 🌊');
  expect(text(await store.get('ab/größe 1.json'))).toBe('Ebbe und Flut 🌊');
  const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
  await store.put('bytes', bytes);
  expect(Buffer.from((await store.get('bytes')) ?? []).equals(bytes)).toBe(true);
  // The last writer wins.
  await store.put('bytes', 'fewer');
  expect(text(await store.get('bytes'))).toBe('fewer');
  await store.put('empty', '');
  expect(text(await store.get('empty'))).toBe('');
  for (const key of NO_KEYS) {
    expect(await failure(store.put(key, 'x')), key).toBeInstanceOf(RangeError);
    expect(await failure(store.get(key)), key).toBeInstanceOf(RangeError);
  }
}

describe('a folder', () => {
  test.each([true, false])('keeps what it is given, synced: %s', async (sync) => {
    const folder = temporaryFolder();
    await keeps(new FolderStore(folder, { sync }));
    expect(readdirSync(folder).sort()).toEqual(['.parts', 'ab', 'bytes', 'empty']);
    expect(readdirSync(join(folder, '.parts'))).toEqual([]);
  });

  test('may be made by the first result', async () => {
    const folder = join(temporaryFolder(), 'not', 'yet');
    const store = new FolderStore(folder);
    expect(await store.get('a')).toBeUndefined();
    await store.put('a/b', 'here');
    expect(readFileSync(join(folder, 'a', 'b'), 'utf8')).toBe('here');
  });

  test('follows no link out of it, and replaces one where a result goes', async () => {
    const [folder, outside] = [temporaryFolder(), temporaryFolder()];
    writeFileSync(join(outside, 'secret'), 'not yours');
    symlinkSync(outside, join(folder, 'away'));
    symlinkSync(join(outside, 'secret'), join(folder, 'link'));
    const store = new FolderStore(folder);
    expect(await failure(store.get('away/secret'))).toBeInstanceOf(RangeError);
    expect(await failure(store.put('away/new', 'x'))).toBeInstanceOf(RangeError);
    expect(existsSync(join(outside, 'new'))).toBe(false);
    expect(await failure(store.get('link'))).toMatchObject({ code: 'ELOOP' });
    await store.put('link', 'mine');
    expect([readFileSync(join(folder, 'link'), 'utf8'), readFileSync(join(outside, 'secret'), 'utf8')]).toEqual([
      'mine',
      'not yours',
    ]);
  });

  test('has files only, up to a size', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'large'), 'x'.repeat(101));
    const store = new FolderStore(folder, { maxBytes: 100 });
    expect(await store.get('sub')).toBeUndefined();
    expect(await store.get('large/below')).toBeUndefined();
    expect(await failure(store.get('large'))).toMatchObject({ message: expect.stringContaining('101 bytes') });
    expect(thrown(() => new FolderStore(folder, { maxBytes: 0 }))).toMatchObject({ code: 'ERR_BAD_OPTION' });
  });

  test('shows a reader the old bytes or the new, never a part', async () => {
    const store = new FolderStore(temporaryFolder(), { sync: false });
    const value = (letter: string) => letter.repeat(200_000);
    await store.put('page', value('a'));
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 60; round++) await store.put('page', value('abc'[round % 3] as string));
      writing = false;
    })();
    let reads = 0;
    while (writing) {
      const seen = text(await store.get('page')) ?? '';
      expect(seen === value(seen[0] as string), `${seen.length} bytes`).toBe(true);
      reads++;
    }
    await writer;
    expect(reads).toBeGreaterThan(5);
  });
});

describe.skipIf(noS3 !== undefined)(`a bucket${noS3 === undefined ? '' : ` (skipped: ${noS3})`}`, () => {
  async function bucket(options: { prefix?: string; maxBytes?: number } = {}) {
    const server = await startS3('tides');
    onTestFinished(() => server.remove());
    const client = new S3Client({ ...server.options, maxAttempts: 1 });
    onTestFinished(() => client.destroy());
    return { server, client, store: new S3Store(client, { bucket: 'tides', ...options }) };
  }

  test('keeps what it is given', async () => {
    const { store } = await bucket();
    await keeps(store);
  });

  test('has its keys behind a prefix', async () => {
    const { store, server } = await bucket({ prefix: 'results/' });
    await store.put('ab/one.json', 'one');
    expect(readFileSync(join(server.folder, 'results', 'ab', 'one.json'), 'utf8')).toBe('one');
  });

  test('is read up to a size', async () => {
    const { store } = await bucket({ maxBytes: 100 });
    await store.put('large', 'x'.repeat(101));
    expect(await failure(store.get('large'))).toMatchObject({ message: expect.stringContaining('101 bytes') });
    await store.put('fits', 'x'.repeat(100));
    expect(await store.get('fits')).toHaveLength(100);
  });

  test('that refuses, or is away, is the client’s error', async () => {
    const { client, server, store } = await bucket();
    const credentials = { ...server.options.credentials, secretAccessKey: 'another secret' };
    const stranger = new S3Client({ ...server.options, credentials, maxAttempts: 1 });
    onTestFinished(() => stranger.destroy());
    const theirs = new S3Store(stranger, { bucket: 'tides' });
    expect(await failure(theirs.put('a', 'x'))).toMatchObject({ name: 'SignatureDoesNotMatch' });
    expect(await failure(theirs.get('a'))).toMatchObject({ name: 'SignatureDoesNotMatch' });
    await server.stop();
    expect(await failure(store.put('a', 'x'))).toMatchObject({ code: 'ECONNREFUSED' });
    expect(thrown(() => new S3Store(client, {} as never))).toMatchObject({ code: 'ERR_BAD_OPTION' });
  });
});
