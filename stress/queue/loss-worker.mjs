// A worker of the queue in a process of its own, to be killed: `node loss-worker.mjs '{ "connection": …, … }'`. It says in
// its log which results it stored, so that work that was done twice can be counted.
import { appendFileSync } from 'node:fs';
import { createWorker, FolderStore } from '../../dist/bullmq/index.js';
import { createExtractor } from '../../dist/index.js';

const { connection, queue, pages, results, log, cache, ...options } = JSON.parse(process.argv[2]);
const extractor = await createExtractor({ env: false, max: 2, reuse: true, cache: { directory: cache } });
const store = new FolderStore(results, { sync: false });
const worker = createWorker(queue, {
  connection,
  extractor,
  pages: new FolderStore(pages),
  results: {
    get: (key) => store.get(key),
    async put(key, value) {
      await store.put(key, value);
      appendFileSync(log, `${key}\n`);
    },
  },
  onError: ({ message }) => appendFileSync(`${log}.errors`, `${message}\n`),
  ...options,
});
process.once('SIGTERM', async () => {
  const { closed } = await worker.shutdown({ deadlineMillis: 20_000 });
  await extractor.destroy();
  process.exit(closed ? 0 : 1);
});
await worker.waitUntilReady();
process.send?.('ready');
