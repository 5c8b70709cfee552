// A Redis of a test's own, on a socket in a folder of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createClient } from 'redis';
import { onTestFinished } from 'vitest';
import { temporaryFolder } from './support.js';

/** Why tests cannot have a Redis; `undefined` where they can. */
export const noRedis =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'redis-server is not installed';

export type Client = Awaited<ReturnType<typeof connected>>;

/** A client, which is closed after the test. It is tried again until the server is there. */
export async function connected(socket: string) {
  const client = createClient({ socket: { path: socket, tls: false } });
  client.on('error', () => {}); // it says so with each command
  await client.connect();
  onTestFinished(() => client.destroy());
  return client;
}

export interface Redis {
  readonly socket: string;
  /** For `createClient` and the command line. */
  readonly url: string;
  /** A client that the test looks with. */
  readonly client: Client;
  /** The process that runs now. */
  server(): ChildProcess;
  /** Ends it at once. */
  stop(): Promise<void>;
  /** Starts it again, without what it held. */
  restart(): void;
}

/** A server that keeps nothing on the disk, and ends with the test. */
export async function startRedis(): Promise<Redis> {
  const folder = temporaryFolder();
  const socket = join(folder, 'redis.sock');
  const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no'];
  const start = () => {
    const server = spawn('redis-server', settings, { stdio: 'ignore' });
    return { server, ended: once(server, 'exit') };
  };
  let running = start();
  const stop = async () => {
    running.server.kill('SIGKILL');
    await running.ended;
  };
  onTestFinished(stop);
  const restart = () => {
    running = start();
  };
  return {
    socket,
    url: `unix://${socket}`,
    client: await connected(socket),
    server: () => running.server,
    stop,
    restart,
  };
}
