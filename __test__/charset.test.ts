import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { charsetOf, toUtf8 } from '../dist/page/charset.js';
import { get, page, text } from './fetch-support.js';
import { turnsDuring } from './support.js';

describe('toUtf8', () => {
  const bytes = (...parts: (string | number[])[]) =>
    Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
  const decoded = async (page: Uint8Array, charset?: string) => Buffer.from(await toUtf8(page, charset)).toString();
  const utf16be = (of: string) => Buffer.from(of, 'utf16le').swap16();
  const SMART = [0x93, 0x80, 0x94, 0xe9]; // “€”é in windows-1252
  const KANJI = [0x92, 0xaa]; // 潮 in shift_jis

  test('gives the same bytes where they are UTF-8', async () => {
    const page = bytes('<p>größe 潮 🌊</p>');
    expect(await toUtf8(page)).toBe(page);
    expect(await toUtf8(page, 'UTF8')).toBe(page);
    const marked = bytes([0xef, 0xbb, 0xbf], page.toString());
    const unmarked = await toUtf8(marked, 'shift_jis');
    expect(Buffer.from(unmarked).equals(page)).toBe(true);
    expect(unmarked.buffer).toBe(marked.buffer);
    expect(await decoded(new Uint8Array())).toBe('');
  });

  test('a byte order mark decides', async () => {
    expect(await decoded(bytes([0xff, 0xfe], [...Buffer.from('潮é', 'utf16le')]), 'utf-8')).toBe('潮é');
    expect(await decoded(bytes([0xfe, 0xff], [...utf16be('潮é')]), 'windows-1252')).toBe('潮é');
    expect(await decoded(bytes([0xef, 0xbb, 0xbf], '<meta charset=shift_jis>é'))).toBe('<meta charset=shift_jis>é');
    expect(await decoded(bytes([0xff, 0xfe], [0x41, 0x00, 0x42]))).toBe('A\ufffd');
  });

  test('then the header', async () => {
    expect(await decoded(bytes(SMART), 'windows-1252')).toBe('“€”é');
    expect(await decoded(bytes(SMART), 'ISO-8859-1')).toBe('“€”é');
    expect(await decoded(bytes(KANJI), 'Shift_JIS')).toBe('潮');
    expect(await decoded(bytes('<meta charset=utf-8>', KANJI), 'sjis')).toBe('<meta charset=utf-8>潮');
    expect(await decoded(Buffer.from('潮é', 'utf16le'), 'utf-16')).toBe('潮é');
    expect(await decoded(bytes('潮'), 'windows-1252')).toBe('æ½®');
    expect(await decoded(bytes('a', [0xff], 'b'), 'utf-8')).toBe('a\ufffdb');
  });

  test.each([
    '<meta charset=shift_jis>',
    '<META CHARSET="Shift_JIS">',
    "<meta name=x charset = ' shift_jis '/>",
    '<meta http-equiv="Content-Type" content="text/html; charset=shift_jis">',
    '<meta content="text/html;charset=shift_jis" http-equiv=content-type>',
    '<!-- <meta charset=utf-8> --><meta charset=shift_jis>',
    '<meta charset=klingon><meta charset=shift_jis>',
    '<meta charset=klingon http-equiv=Content-Type content="text/html; charset=shift_jis">',
    '<meta http-equiv="Content-Type" content="charset=shift_jis">',
    '<meta http-equiv="Content-Type" content="text/html charset = \'Shift_JIS\' ;x">',
    '<meta http-equiv="Content-Type" content="charset charset=shift_jis ">',
    '<meta http-equiv=X-UA-Compatible content="charset=utf-8"><meta/charset=shift_jis>',
    '<meta charset=shift_jis charset=utf-8>',
    '<meta x="<meta charset=utf-8>" charset=shift_jis>',
    '<p title="<meta charset=utf-8>"><meta charset=shift_jis>',
    '</meta charset=utf-8><meta charset=shift_jis>',
    '<!-- <meta charset=utf-8> --!><meta charset=shift_jis>',
    '<!--><meta charset=shift_jis>',
    '<!---><meta charset=shift_jis>',
    '<?php <meta charset=utf-8 ?><meta charset=shift_jis>',
    '<![CDATA[<meta charset=utf-8]]><meta charset=shift_jis>',
    '<!doctype html></><1><meta charset=shift_jis>',
    '<title><meta charset=utf-8></title><meta charset=shift_jis>',
    '<STYLE><meta charset=utf-8></styles></style ><meta charset=shift_jis>',
    '<textarea><!-- </textarea><meta charset=shift_jis>',
    '<script>"<meta charset=utf-8>"</script><meta charset=shift_jis>',
    '<script><!-- <script></script><meta charset=utf-8> --></script><meta charset=shift_jis>',
    '<script><!-- </script><meta charset=shift_jis>',
    '<body><table><tr><td><meta charset=shift_jis>',
    // What is no element, but looks like one to the prescan.
    '<title><meta charset=shift_jis></title>',
    '<script>"<meta charset=shift_jis>"</script>',
    '<plaintext><meta charset=shift_jis>',
    '<?xml version="1.0" encoding="shift_jis"?>',
    "<?xml encoding\n=\t'Shift_JIS' ?>",
    '<?xml encoding="utf-8"?><meta charset=shift_jis>',
  ])('then %s', async (meta) => {
    expect(await decoded(bytes(meta, KANJI))).toBe(`${meta}潮`);
    expect(await decoded(bytes(meta, KANJI), 'klingon')).toBe(`${meta}潮`);
  });

  test.each([
    '<p charset=shift_jis>',
    '<metal charset=shift_jis>',
    '<meta name=description content="text; charset=shift_jis">',
    '<meta http-equiv=content-type>',
    '<!-- <meta charset=shift_jis> -->',
    '<!-- <meta charset=shift_jis>',
    '<!--!><meta charset=shift_jis>',
    '<!---!><meta charset=shift_jis>',
    '<meta charset=shift_jis',
    '<meta charset="shift_jis>',
    '<meta charset=>',
    '</meta charset=shift_jis>',
    '<p title="<meta charset=shift_jis>">',
    '<p/title=<meta/charset=shift_jis>',
    '<meta http-equiv="Content-Type" content="text/html; charset=\'shift_jis">',
    '<meta http-equiv=" Content-Type" content="text/html; charset=shift_jis">',
    '<!doctype <meta charset=shift_jis>',
    ` <?xml encoding="shift_jis"?>`,
    '<?xml encoding=shift_jis?>',
    '<?xml encoding="shift jis"?>',
    '<?xml?><p encoding="shift_jis">',
  ])('but not %s', async (meta) => expect(await decoded(bytes(meta, KANJI))).toBe(`${meta}’ª`));

  test.each([
    ['elements', '<p>'.repeat(500), '', '潮'],
    ['a style', `<style>${'/* */'.repeat(300)}`, '</style>', '潮'],
    ['a comment', `<!-- ${'-'.repeat(2_000)}`, ' -->', '潮'],
    ['a long page', `<title>T</title>${'<p title=">">the tide</p>\n'.repeat(20_000)}`, '', '潮'],
    ['the start of a script that goes on', `<script>${' '.repeat(1024)}`, '', '’ª'],
    ['the start of plain text', `<plaintext>${' '.repeat(1024)}`, '', '’ª'],
  ])('a meta after %s', async (_, before, end, expected) => {
    const head = `${before}${end}<meta charset=shift_jis>`;
    expect(await decoded(bytes(head, KANJI))).toBe(head + expected);
  });

  test('a meta that says UTF-16 was no UTF-16', async () => {
    for (const meta of [
      '<meta charset=utf-16>',
      '<meta charset=utf-16><meta charset=shift_jis>',
      '<?xml encoding="utf-16"?>',
    ])
      expect(await decoded(bytes(meta, 'é'))).toBe(`${meta}é`);
  });

  test('an XML declaration in UTF-16 is enough', async () => {
    const xml = '<?xml version="1.0"?><meta charset=shift_jis>潮é';
    expect(await decoded(Buffer.from(xml, 'utf16le'))).toBe(xml);
    expect(await decoded(utf16be(xml))).toBe(xml);
  });

  test('a meta may say x-user-defined, and means windows-1252', async () => {
    expect(await decoded(bytes('<meta charset=x-user-defined>', SMART))).toBe('<meta charset=x-user-defined>“€”é');
  });

  test.each([
    ['tags', '<a b="c" d=e f>x</a>'],
    ['comments', '<!--->'],
    ['a script', '<!--<script></script>-->'],
    ['a title', '</titl'],
    ['attributes', ' a=b'],
  ])('a large page of %s is looked through in short turns', async (kind, unit) => {
    const start = { 'a script': '<script>', 'a title': '<title>', attributes: '<p ' }[kind] ?? '';
    const page = bytes(start + unit.repeat((4 * 1024 * 1024) / unit.length));
    expect(await turnsDuring(toUtf8(page))).toBeGreaterThanOrEqual(3);
  });

  test('a turn scans 16 KiB', async () => {
    let turns = 0;
    let immediate = setImmediate(function tick() {
      turns += 1;
      immediate = setImmediate(tick);
    });
    onTestFinished(() => clearImmediate(immediate));
    await toUtf8(bytes(`<p ${' a=b'.repeat((1024 * 1024) / 4)}`));
    expect(turns).toBeGreaterThanOrEqual(60);
  });

  /** A page of units one behind the other, each made from its number. */
  const pageOf = (start: string, unit: (number: number) => string, length: number) => {
    let html = start;
    for (let number = 0; html.length < length; number++) html += unit(number);
    return bytes(html);
  };
  /** Labels that Node is asked for while this runs; it throws for those that it does not know. */
  const labelsAsked = async (page: Uint8Array) => {
    const asked: (string | undefined)[] = [];
    vi.stubGlobal(
      'TextDecoder',
      class extends TextDecoder {
        constructor(label?: string, options?: ConstructorParameters<typeof TextDecoder>[1]) {
          asked.push(label);
          super(label, options);
        }
      },
    );
    onTestFinished(() => void vi.unstubAllGlobals());
    await toUtf8(page);
    vi.unstubAllGlobals();
    return asked;
  };

  const KLINGON = '<meta charset=klingon>';
  const CONTENT = '<meta http-equiv=content-type content="charset=klingon">';
  test.each<[string, (number: number) => string]>([
    ['one label', () => KLINGON],
    ['labels that differ', (number) => `<meta charset=x${number}>`],
    ['labels in their content', () => CONTENT],
    ['both kinds of labels', () => `<meta charset=x ${CONTENT.slice(6)}`],
  ])('a page of nothing but unknown labels asks for few: %s', async (_, unit) => {
    // 64 of the page and 64 of its first 1,024 bytes, at most.
    expect((await labelsAsked(pageOf('', unit, 256 * 1024))).length).toBeLessThanOrEqual(128);
  });

  test('after 64 unknown labels no further meta counts', async () => {
    const behind = (count: number) => `${KLINGON.repeat(count)}<meta charset=shift_jis>`;
    expect(await decoded(bytes(behind(63), KANJI))).toBe(`${behind(63)}潮`);
    expect(await decoded(bytes(behind(64), KANJI))).toBe(`${behind(64)}’ª`);
  });

  test('a label of more than 64 characters is none', async () => {
    const padded = (label: string, length: number) => `<meta charset="${label.padEnd(length)}">`;
    for (const [label, page] of [
      ['shift_jis', '潮'],
      ['x-user-defined', '’ª'],
    ] as const)
      expect(await decoded(bytes(padded(label, 64), KANJI))).toBe(padded(label, 64) + page);
    const next = '<meta charset=shift_jis>';
    for (const label of ['utf-8', 'x-user-defined'])
      expect(await decoded(bytes(padded(label, 65), next, KANJI))).toBe(`${padded(label, 65)}${next}潮`);
    expect(await decoded(bytes(KANJI), 'shift_jis'.padEnd(65))).toBe('’ª');
    expect(await labelsAsked(bytes('<meta charset="', 'x'.repeat(100_000), '">'))).toEqual([]);
  });

  test.each([
    ['a script in a script', '<script><!--<script>', '<'],
    ['a script', '<script>', '<'],
    ['a title', '<title>', '<'],
    ['beginnings of ends', '<script><!--', '</scrip'],
  ])('makes no strings of what may be a tag in text: %s', async (_, start, unit) => {
    const page = pageOf(start, () => unit, 64 * 1024);
    const strings = vi.spyOn(Buffer.prototype, 'toString');
    onTestFinished(() => strings.mockRestore());
    await toUtf8(page);
    const made = strings.mock.calls.length;
    strings.mockRestore();
    expect(made).toBeLessThan(20);
  });

  test('a head that is written to be slow takes no longer than another', async () => {
    const millis = async (head: string) => {
      const page = bytes(head.padEnd(1024, "'"));
      const began = performance.now();
      for (let round = 0; round < 50; round++) await toUtf8(page);
      return performance.now() - began;
    };
    await millis('<p>');
    const other = await millis('<p>');
    // Of one that takes all ways through an expression: 500 times as long.
    expect(await millis(`<?xml ${"encoding='".repeat(50)}`)).toBeLessThan(30 * Math.max(other, 1));
  });

  test('else UTF-8 or windows-1252, all of it', async () => {
    expect(await decoded(bytes('é'))).toBe('é');
    expect(await decoded(bytes(SMART), 'klingon')).toBe('“€”é');
    const upper = Array.from({ length: 128 }, (_, index) => 128 + index);
    const high = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
    expect(await decoded(bytes(upper))).toBe(high + String.fromCharCode(...upper.slice(32)));
  });

  test('takes a view into a larger buffer', async () => {
    const whole = bytes('<meta charset=shift_jis>', SMART, 'rest');
    expect(await decoded(whole.subarray(24, 28))).toBe('“€”é');
  });

  test('a label is found in a content type', () => {
    expect(charsetOf('text/html; charset=utf-8')).toBe('utf-8');
    expect(charsetOf('text/html;x=y; CHARSET = "Shift_JIS" ;z')).toBe('Shift_JIS');
    expect(charsetOf('text/html; mycharset=utf-8')).toBeUndefined();
    expect(charsetOf('text/html')).toBeUndefined();
    expect(charsetOf(undefined)).toBeUndefined();
  });

  test('is what a fetched page goes through', async () => {
    const headed = await page(bytes(KANJI), { 'content-type': 'text/html; charset=shift_jis' });
    expect(text(await get(headed.url))).toBe('潮');
    const zipped = await page(gzipSync(bytes('<meta charset=shift_jis>', KANJI)), { 'content-encoding': 'gzip' });
    expect(text(await get(zipped.url))).toContain('潮');
  });
});
