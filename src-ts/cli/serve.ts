import { createRequire } from 'node:module';
import type { ServeOptions } from '../server/serve.js';
import { parseArguments, wholeNumber } from './arguments.js';
import { oneLine, usage } from './failure.js';
import { importWithPeers } from './peers.js';
import { type GivenUrl, RedisConnection, redisUrl } from './redis.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** What the server needs beside this package. */
const PEERS = ['fastify', 'prom-client'];

/** `riptide-wasm serve`: the HTTP server, until a signal ends it. */
export async function serve(argv: string[]): Promise<void> {
  const { level, statusRedis, ...options } = parse(argv);
  const server = await importWithPeers('the server', PEERS, () => import('../server/index.js'));
  // It serves with or without Redis.
  const connection =
    statusRedis === undefined ? undefined : await RedisConnection.open('--status-redis', statusRedis, false);
  try {
    const status = connection === undefined ? {} : { statusStore: connection };
    await server.serve({ ...options, ...status, logger: { level, stream: output() } });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BAD_OPTION') throw usage(oneLine(error));
    throw error;
  } finally {
    connection?.close();
  }
}

function parse(argv: string[]): ServeOptions & { level: string; statusRedis: GivenUrl | undefined } {
  const { values } = parseArguments({
    args: argv,
    allowNegative: true,
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      'allow-host': { type: 'string', multiple: true },
      'allow-fetch': { type: 'boolean' },
      'live-page': { type: 'boolean' },
      'max-body-bytes': { type: 'string' },
      'max-queue': { type: 'string' },
      'memory-budget-mb': { type: 'string' },
      'drain-seconds': { type: 'string' },
      'status-redis': { type: 'string' },
      'status-key': { type: 'string' },
      'log-level': { type: 'string' },
    },
  });
  const level = values['log-level'] ?? 'info';
  if (!LEVELS.includes(level)) throw usage(`--log-level is ${LEVELS.join(', ')}, not ${JSON.stringify(level)}`);
  const budget = wholeNumber('memory-budget-mb', values['memory-budget-mb']);
  const maxQueue = wholeNumber('max-queue', values['max-queue']);
  const port = wholeNumber('port', values.port);
  const maxBodyBytes = wholeNumber('max-body-bytes', values['max-body-bytes']);
  const drain = wholeNumber('drain-seconds', values['drain-seconds']);
  return {
    level,
    statusRedis: redisUrl('--status-redis', values['status-redis']),
    fetch: values['allow-fetch'] ?? false,
    allowedHosts: values['allow-host'] ?? [],
    extractor: {
      ...(maxQueue !== undefined && { maxQueue }),
      ...(budget !== undefined && { memoryBudgetBytes: budget * 1024 * 1024 }),
    },
    ...(values['live-page'] !== undefined && { livePage: values['live-page'] }),
    ...(values.host !== undefined && { host: values.host }),
    ...(values['status-key'] !== undefined && { statusKey: values['status-key'] }),
    ...(port !== undefined && { port }),
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    ...(drain !== undefined && { drainMillis: drain * 1_000 }),
  };
}

/**
 * Standard output for the log, written by Node's file threads: a file or a pipe that is slow is not waited for. A thread for
 * the log alone would be woken for each line, which costs the event loop more than the line.
 */
function output(): NodeJS.WritableStream {
  // Fastify's pino: this package has none of its own.
  const { destination } = createRequire(import.meta.resolve('fastify'))('pino') as Pino;
  const stream = destination({ dest: 1, sync: false });
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return; // nobody reads the log any more, and it has stopped
    stream.destroy(); // else it would try again, without an end, when the process exits
    throw error;
  });
  return stream;
}

interface Pino {
  destination(options: { dest: number; sync: boolean }): NodeJS.WritableStream & { destroy(): void };
}
