// node examples/nats.mjs nats://… FOLDER: a worker that extracts the pages of a work queue in NATS JetStream.
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createExtractor } from 'riptide-wasm';
import { createHandler, FolderStore, failureMessage, laterMillis, retryPolicy } from 'riptide-wasm/queue';

const [servers, folder] = process.argv.slice(2);
if (servers === undefined || folder === undefined) {
  console.error('usage: node examples/nats.mjs nats://… FOLDER');
  process.exit(2);
}

const ATTEMPTS = 3;
const ACK_SECONDS = 30;

const extractor = await createExtractor({ timeoutMillis: 20_000 });
const handler = createHandler({ extractor, results: new FolderStore(folder), fetch: true });

const connection = await connect({ servers });
const manager = await jetstreamManager(connection);
await manager.streams.add({ name: 'PAGES', subjects: ['pages'], retention: RetentionPolicy.Workqueue });
await manager.consumers.add('PAGES', {
  durable_name: 'extractors',
  ack_policy: AckPolicy.Explicit,
  ack_wait: ACK_SECONDS * 1_000_000_000,
});
const consumer = await jetstream(connection).consumers.get('PAGES', 'extractors');

/** @param {import('@nats-io/jetstream').JsMsg} message */
async function work(message) {
  // The server hands a message to another worker of which it hears nothing: a guest off the event loop leaves time to say so.
  const sign = setInterval(() => message.working(), (ACK_SECONDS * 1_000) / 3);
  try {
    const record = await handler(message.json(), { signal: AbortSignal.timeout(60_000) });
    await connection.publish('pages.done', JSON.stringify(record));
    message.ack();
  } catch (error) {
    const policy = retryPolicy(error);
    const { deliveryCount } = message.info;
    if (policy === 'never' || (policy === 'backoff' && deliveryCount >= ATTEMPTS)) message.term(failureMessage(error));
    else message.nak(policy === 'later' ? laterMillis(error) : 1_000 * 2 ** deliveryCount);
  } finally {
    clearInterval(sign);
  }
}

// As many at once as the pool has instances: one is taken once another is done.
const { max } = extractor.pool.stats;
const messages = await consumer.consume({ max_messages: max });
process.once('SIGTERM', () => messages.stop());
console.log('works on the stream PAGES');
/** @type {Set<Promise<void>>} */
const running = new Set();
for await (const message of messages) {
  const done = work(message).finally(() => running.delete(done));
  running.add(done);
  if (running.size >= max) await Promise.race(running);
}
await Promise.all(running);
await connection.drain();
await extractor.close();
