// What one would extract pages with otherwise. None is a dependency of this package: they are installed into
// `target/peers` when they are measured first.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { installed, transpiled } from './peers.mjs';

const VERSIONS = { jsdom: '26.1.0', linkedom: '0.18.15', '@mozilla/readability': '0.6.0', defuddle: '0.19.4' };

/** Functions that extract a page of bytes, by name; and those that cannot be had, each with the reason. */
export async function extractors(note) {
  const made = {};
  const missing = [];
  const kinds = { 'jsdom and Readability': jsdom, 'linkedom and Readability': linkedom, defuddle, 'ours by jco': jco };
  for (const [name, prepare] of Object.entries(kinds)) {
    try {
      made[name] = await prepare(note);
      await made[name](Buffer.from('<title>Tides</title><p>Spring tides follow the full moon.</p>'));
    } catch (error) {
      missing.push(`${name}: ${String(error.message).split('\n')[0]}`);
    }
  }
  return { made, missing };
}

const load = async (name, note, entry) =>
  import(pathToFileURL(path.join(installed(name, VERSIONS[name], note), entry)).href);

async function jsdom(note) {
  const { JSDOM, VirtualConsole } = (await load('jsdom', note, 'lib/api.js')).default;
  const { Readability } = (await load('@mozilla/readability', note, 'index.js')).default;
  // It complains of style sheets that it cannot read.
  const virtualConsole = new VirtualConsole();
  return (page) => new Readability(new JSDOM(page.toString(), { virtualConsole }).window.document).parse();
}

async function linkedom(note) {
  const { parseHTML } = await load('linkedom', note, 'esm/index.js');
  const { Readability } = (await load('@mozilla/readability', note, 'index.js')).default;
  return (page) => new Readability(parseHTML(page.toString()).document).parse();
}

async function defuddle(note) {
  const { parseHTML } = await load('linkedom', note, 'esm/index.js');
  const { Defuddle } = await load('defuddle', note, 'dist/node.js');
  return (page) => Defuddle(parseHTML(page.toString()).document, '', { markdown: true });
}

async function jco(note) {
  const component = new URL('../crates/extractor/dist/extractor.simd.wasm', import.meta.url);
  const { extract } = await import(pathToFileURL(await transpiled(component, note)).href);
  return (page) => extract.extract(page.toString(), '', { tag: 'article' });
}
