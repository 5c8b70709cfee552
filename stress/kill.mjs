// A process of kills.mjs: loads guests from one cache's folder, as it is told, and says what came of each. It is killed, or
// it is the one that finds what the killed ones left.
//
//   node kill.mjs <folder> <key file> <template of the guests>
import { readFileSync } from 'node:fs';
import { Engine } from '../dist/index.js';
import { use } from './artefacts.mjs';
import { bulky } from './bulky.mjs';

const [, , directory, keyFile, template] = process.argv;
const bytes = readFileSync(template);
// No limits: what the killed ones left is counted at the end.
const engine = new Engine({ workers: 1, cache: { directory, keyFile, maxBytes: 2 ** 50, maxEntries: 1_000_000 } });

process.on('warning', ({ message }) => process.send({ warning: message }));
process.on('message', async (number) => {
  const wasm = bulky(bytes, number);
  process.send(await use(engine, { wasm }).catch((error) => ({ error: String(error) })));
});
process.send('ready');
