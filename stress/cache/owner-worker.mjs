// One user's process for owners.mjs: loads a guest from a cache under owner trust, with a fresh memory tier each time.
//
//   node stress/cache/owner-worker.mjs [uid]
import { Engine } from '../../dist/index.js';
import { use } from './artefacts.mjs';

const [, , uid] = process.argv;
if (uid !== undefined) {
  // Now, when everything is loaded: the clone may be closed to others.
  process.setgroups([]);
  process.setgid(Number(uid));
  process.setuid(Number(uid));
}

let warnings = [];
process.on('warning', ({ message }) => warnings.push(message));
let engines = 0;

process.on('message', async ({ directory, wasm }) => {
  warnings = [];
  // Engines whose cache has equal options share what is in memory.
  const cache = { directory, trust: 'owner', maxEntries: 4096 + engines++ };
  const engine = new Engine({ workers: 1, maxInstances: 1, cache });
  const seen = await use(engine, { wasm }).catch((error) => ({ error: String(error) }));
  // `entries()` trusts the same folders.
  seen.listed = await engine.cache.entries().then(
    ({ length }) => length,
    ({ code }) => code,
  );
  // Their listeners are called in a later turn.
  await new Promise(setImmediate);
  process.send({ ...seen, warnings });
});
