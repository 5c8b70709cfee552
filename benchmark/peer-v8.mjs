// The extractor's core module in V8: from its file to the first instance, with nothing of the component around it.
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';

const [file, page] = process.argv.slice(2);
// As ours, it has read and instantiated something before.
await readFile(fileURLToPath(import.meta.url));
await WebAssembly.instantiate(await WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)));

const began = performance.now();
const module = await WebAssembly.compile(await readFile(file));
const { exports } = await WebAssembly.instantiate(module, {});
const millis = performance.now() - began;

// A call by hand, after the canonical ABI: the page, an empty address, the mode `article` (case 0) and its unused list.
const html = Buffer.from(page);
const at = exports.cabi_realloc(0, 0, 1, html.length);
Buffer.from(exports.memory.buffer).set(html, at);
const result = exports['riptide:extractor/extract@1.0.0#extract'](at, html.length, 1, 0, 0, 0, 0);
// `ok` is 0; then the address of eight bytes; then the optional title: whether it is there, where it is, its length.
const memory = new DataView(exports.memory.buffer);
const there = memory.getUint8(result) === 0 && memory.getUint8(result + 12) === 1;
const [start, length] = [16, 20].map((offset) => memory.getUint32(result + offset, true));
const title = there ? Buffer.from(exports.memory.buffer, start, length).toString() : undefined;
console.log(JSON.stringify({ millis, title }));
