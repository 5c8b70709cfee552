// A process of kills.mjs: loads the guests that it gets messages for from one cache's folder, and sends the outcome of each.
// It is killed, or it is the one that loads after a killed one.
//
//   node stress/cache/kill-worker.mjs <folder> <key file> <template of the guests>
import { readFileSync } from 'node:fs';
import { Engine } from '../../dist/index.js';
import { use } from './artefacts.mjs';
import { bulky } from './bulky-guest.mjs';

const [, , directory, keyFile, template] = process.argv;
const bytes = readFileSync(template);
// No limits: the files that killed processes left are counted at the end.
const engine = new Engine({ workers: 1, cache: { directory, keyFile, maxBytes: 2 ** 50, maxEntries: 1_000_000 } });

process.on('warning', ({ message }) => process.send({ warning: message }));
process.on('message', async (number) => {
  const wasm = bulky(bytes, number);
  process.send(await use(engine, { wasm }).catch((error) => ({ error: String(error) })));
});
process.send('ready');
