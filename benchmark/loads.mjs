// One process that loads a file and makes its first instance: from the disk, and then over and over from memory. Prints the
// milliseconds of both as JSON. Arguments: the file, a cache folder, the trust.
import { Engine, Instance, wat2wasm } from '../dist/index.js';

const [file, directory, trust] = process.argv.slice(2);
const engine = new Engine({ cache: { directory, trust } });

async function start(source) {
  const instance = await Instance.create(await engine.load(source));
  const millis = engine.stats.coldStartMillis;
  await instance.close();
  return millis;
}

// The engine's threads, and its key, are there before any load.
await start(wat2wasm('(module (func (export "f")))'));
const disk = await start(file);
const memory = [];
for (let round = 0; round < 51; round++) memory.push(await start(file));
console.log(JSON.stringify({ disk, memory: memory.sort((a, b) => a - b)[25], diskHits: engine.cache.diskHits }));
