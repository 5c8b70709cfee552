// The extractor as jco transpiled it: from its files to the first instance. Its JavaScript instantiates it on import.
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';

const [script] = process.argv.slice(2);
const url = pathToFileURL(script).href;
const began = performance.now();
const { extract } = await import(url);
const millis = performance.now() - began;
console.log(JSON.stringify({ millis, mode: extract.getModes()[0] }));
