// What each label, mark and `meta` means is tested in `crates/encoding`; here: what JavaScript gets, and when.
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { decodePage } from './charset-support.js';
import { get, page } from './fetch-support.js';
import { turnsDuring } from './support.js';

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const decoded = async (page: Uint8Array, charset?: string) =>
  Buffer.from(await decodePage(page, charset && `text/html; charset=${charset}`)).toString();
const SMART = [0x93, 0x80, 0x94, 0xe9]; // “€”é in windows-1252
const KANJI = [0x92, 0xaa]; // 潮 in shift_jis
const META = '<meta charset=shift_jis>';
const MOST_AT_ONCE = 64 * 1024;

describe('a page’s bytes', () => {
  test('are the same where they are UTF-8', () => {
    const page = bytes('<p>größe 潮 🌊</p>');
    expect(decodePage(page)).toBe(page);
    expect(decodePage(page, 'text/html; charset=UTF8')).toBe(page);
    const marked = bytes([0xef, 0xbb, 0xbf], page.toString());
    const unmarked = decodePage(marked, 'text/html; charset=shift_jis') as Uint8Array;
    expect(Buffer.from(unmarked).equals(page)).toBe(true);
    expect(unmarked.buffer).toBe(marked.buffer);
    const empty = new Uint8Array();
    expect(decodePage(empty)).toBe(empty);
  });

  test('are decoded by their mark, the header, themselves, or else', async () => {
    const utf16 = bytes([0xff, 0xfe], [...Buffer.from('潮é', 'utf16le')]);
    expect(await decoded(utf16, 'utf-8')).toBe('潮é');
    expect(await decoded(bytes(KANJI), 'Shift_JIS')).toBe('潮');
    expect(await decoded(bytes(META, KANJI))).toBe(`${META}潮`);
    expect(await decoded(bytes(META, KANJI), 'klingon')).toBe(`${META}潮`);
    expect(await decoded(bytes('<meta charset=x-user-defined>', SMART))).toBe('<meta charset=x-user-defined>“€”é');
    expect(await decoded(bytes([0x61, 0x80, 0xff]), 'x-user-defined')).toBe('a\uf780\uf7ff');
    expect(await decoded(bytes('<?xml encoding="shift_jis"?>', KANJI))).toBe('<?xml encoding="shift_jis"?>潮');
    expect(await decoded(bytes(SMART))).toBe('“€”é');
    expect(await decoded(bytes('é'))).toBe('é');
  });

  test('may be a view into a larger buffer', async () => {
    const whole = bytes(META, SMART, 'rest');
    expect(await decoded(whole.subarray(24, 28))).toBe('“€”é');
    const marked = bytes('rest', [0xef, 0xbb, 0xbf], 'é');
    expect(await decoded(marked.subarray(4))).toBe('é');
  });

  test.each([
    ['UTF-8', 'é', 'é'],
    ['with a mark', '\ufeffé', 'é'],
    ['of another encoding', META, META],
  ])('of a large page come later, and do not change with the caller’s: %s', async (_, start, expected) => {
    const tide = 'the tide '.repeat(MOST_AT_ONCE);
    const page = bytes(start, tide, start === META ? KANJI : []);
    const later = decodePage(page);
    expect(later).toBeInstanceOf(Promise);
    page.fill(0x21);
    const text = Buffer.from(await later).toString();
    expect(text === `${expected}${tide}${start === META ? '潮' : ''}`).toBe(true);
  });

  test('are decoded at once up to 64 KiB', () => {
    for (const end of ['é', [0xe9]]) {
      const most = bytes('a'.repeat(MOST_AT_ONCE - bytes(end).length), end);
      expect(decodePage(most)).toBeInstanceOf(Uint8Array);
      expect(decodePage(bytes('a', [...most]))).toBeInstanceOf(Promise);
    }
  });

  test.each([
    ['tags', '<a b="c" d=e f>x</a>'],
    ['comments', '<!--->'],
    ['a script', '<!--<script></script>-->'],
    ['a title', '</titl'],
    ['attributes', ' a=b'],
    ['unknown labels', '<meta charset=klingon>'],
  ])('of a page of 16 MiB of %s leave the event loop free', async (kind, unit) => {
    const start = { 'a script': '<script>', 'a title': '<title>', attributes: '<p ' }[kind] ?? '';
    const page = bytes(start + unit.repeat((16 * 1024 * 1024) / unit.length), [0xff]);
    const later = decodePage(page);
    expect(later).toBeInstanceOf(Promise);
    expect(await turnsDuring(Promise.resolve(later))).toBeGreaterThanOrEqual(3);
    expect((await later).length).toBe(page.length + 1);
  });

  test('that another thread writes to are copied first', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64));
    shared.set(bytes('<p>the tide'));
    const now = decodePage(shared) as Uint8Array;
    expect(now.buffer).not.toBe(shared.buffer);
    shared.fill(0xff);
    expect(Buffer.from(now).toString()).toMatch(/^<p>the tide\0+$/);

    const worker = new Worker(
      `const bytes = require('node:worker_threads').workerData;
       for (let round = 0; ; round++) bytes[round % bytes.length] = round;`,
      { eval: true, workerData: shared },
    );
    try {
      await new Promise((resolve) => worker.once('online', resolve));
      for (let round = 0; round < 2_000; round++) {
        const text = decodePage(shared) as Uint8Array;
        expect(new TextDecoder('utf-8', { fatal: true }).decode(text).length).toBeGreaterThan(0);
      }
    } finally {
      await worker.terminate();
    }
  });

  test('that are detached, or none, are refused', () => {
    const detached = new Uint8Array(8);
    structuredClone(detached, { transfer: [detached.buffer] });
    for (const wrong of [detached, 'text', new Uint16Array(4), new DataView(new ArrayBuffer(4)), null, {}]) {
      let thrown: unknown;
      try {
        decodePage(wrong as Uint8Array);
      } catch (failure) {
        thrown = failure;
      }
      expect(thrown).toMatchObject({ code: 'ERR_BAD_ARGUMENT', details: { path: 'html' } });
    }
  });

  test('of a fetched page come with the header that says what they are', async () => {
    const type = 'text/html; charset=shift_jis';
    const headed = await page(bytes(KANJI), { 'content-type': type });
    expect(await get(headed.url)).toMatchObject({ html: new Uint8Array(KANJI), contentType: type });
    const bare = await page(bytes(KANJI), {});
    expect((await get(bare.url)).contentType).toBeUndefined();
  });
});
