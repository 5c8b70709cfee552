// node examples/pg-boss.mjs postgres://… FOLDER: a worker that extracts the pages of a queue in PostgreSQL, by pg-boss 12.
import { PgBoss } from 'pg-boss';
import { createExtractor } from 'riptide-wasm';
import { createHandler, FolderStore, failureMessage, retryPolicy } from 'riptide-wasm/queue';

const [database, folder] = process.argv.slice(2);
if (database === undefined || folder === undefined) {
  console.error('usage: node examples/pg-boss.mjs postgres://… FOLDER');
  process.exit(2);
}

const extractor = await createExtractor({ timeoutMillis: 20_000 });
const handler = createHandler({ extractor, results: new FolderStore(folder), fetch: true });

const boss = new PgBoss(database);
boss.on('error', (error) => console.error(failureMessage(error)));
await boss.start();
// `deadletter` ends a job without another attempt; with a dead letter queue it goes there.
await boss.createQueue('pages', { retryLimit: 2, retryBackoff: true, expireInSeconds: 120 });

await boss.work('pages', { perJobResults: true, localConcurrency: extractor.pool.stats.max }, (jobs) =>
  Promise.all(
    jobs.map(async ({ id, data, signal }) => {
      try {
        // The signal ends the guest of a job that takes too long, or that was cancelled.
        return { id, status: /** @type {const} */ ('completed'), output: await handler(data, { signal }) };
      } catch (error) {
        const status = retryPolicy(error) === 'never' ? 'deadletter' : 'failed';
        return {
          id,
          status: /** @type {'deadletter' | 'failed'} */ (status),
          output: { message: failureMessage(error) },
        };
      }
    }),
  ),
);

process.once('SIGTERM', async () => {
  await boss.stop({ graceful: true, timeout: 30_000 }); // finishes what runs
  await extractor.close();
});
console.log('works on the queue pages');
