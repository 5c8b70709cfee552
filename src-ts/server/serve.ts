import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { checkOptions, MAX_MILLIS, type Rule, whole, words } from '../options.js';
import { SERVER_RULES, type ServerOptions } from './options.js';
import { build } from './server.js';

/** Options of {@link serve}. */
export interface ServeOptions extends ServerOptions {
  /**
   * The address to listen on.
   * @default '127.0.0.1'
   */
  host?: string;
  /**
   * The port; 0 takes a free one.
   * @default 8080
   */
  port?: number;
  /**
   * How long it goes on serving after SIGTERM or SIGINT, no longer ready, so that load balancers can switch to other
   * servers first; in milliseconds.
   * @default 1_000
   */
  drainMillis?: number;
}

const RULES: Readonly<Record<string, Rule>> = {
  ...SERVER_RULES,
  host: words,
  port: whole(0, 65_535),
  drainMillis: whole(0, MAX_MILLIS, 'milliseconds'),
};

/**
 * Serves until SIGTERM or SIGINT: then it is no longer ready, serves for another `drainMillis`, finishes the requests in
 * progress, and resolves. A second signal ends the process at once.
 *
 * @param started called with the server once it listens
 * @throws OptionError `ERR_BAD_OPTION` for an option that cannot be used.
 * @throws Error the system's, if it cannot listen there.
 */
export async function serve(given: ServeOptions = {}, started?: (app: FastifyInstance) => void): Promise<void> {
  const { host = '127.0.0.1', port = 8080, drainMillis = 1_000, ...options } = checkOptions(given, RULES);
  const { app, drain } = await build(options);
  const signals = ['SIGTERM', 'SIGINT'] as const;
  let end = (_signal: string): void => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  for (const signal of signals) process.on(signal, end);
  try {
    await app.listen({ host, port });
    started?.(app);
    const signal = await ended;
    for (const each of signals) process.off(each, end);
    app.log.info({ signal }, 'shutting down');
    drain();
    await delay(drainMillis);
  } finally {
    for (const signal of signals) process.off(signal, end);
    await app.close();
  }
}
