// The extractor's core module in V8: from its file to the first instance, with nothing of the component around it.
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';

const [file] = process.argv.slice(2);
const began = performance.now();
const module = await WebAssembly.compile(await readFile(file));
const { exports } = await WebAssembly.instantiate(module, {});
const millis = performance.now() - began;

// A list of strings by hand, after the canonical ABI: where the list is, where its first string is, that string.
const list = exports['riptide:extractor/extract@1.0.0#get-modes']();
const memory = new DataView(exports.memory.buffer);
const first = memory.getUint32(list, true);
const text = Buffer.from(exports.memory.buffer, memory.getUint32(first, true), memory.getUint32(first + 4, true));
console.log(JSON.stringify({ millis, mode: text.toString() }));
