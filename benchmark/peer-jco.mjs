// The extractor as jco transpiled it: from its files to the first instance. Its JavaScript instantiates it on import.
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [script, page] = process.argv.slice(2);
const url = pathToFileURL(script).href;
// As ours, it has read and instantiated something before.
await readFile(fileURLToPath(import.meta.url));
await WebAssembly.instantiate(await WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)));

const began = performance.now();
const { extract } = await import(url);
const millis = performance.now() - began;
console.log(JSON.stringify({ millis, title: extract.extract(page, '', { tag: 'article' }).title }));
