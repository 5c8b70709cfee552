// A server that speaks as S3 does (s3s-fs), on a free port of loopback, for tests of the store.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const BINARY = fileURLToPath(new URL('../../target/s3s-fs/bin/s3s-fs', import.meta.url));
const START_MILLIS = 20_000;

/** Why there is no such server here; `undefined` where there is. */
export const noS3 = existsSync(BINARY) ? undefined : 'CONTRIBUTING.md says how to install s3s-fs';

/** Starts one with a bucket. */
export async function startS3(bucket) {
  const folder = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-s3-'));
  mkdirSync(path.join(folder, bucket));
  const port = await freePort();
  const [accessKeyId, secretAccessKey] = ['tide', 'a secret of this test'];
  const keys = ['--access-key', accessKeyId, '--secret-key', secretAccessKey];
  const child = spawn(BINARY, ['--host', '127.0.0.1', '--port', String(port), ...keys, folder], { stdio: 'ignore' });
  const reap = () => child.kill('SIGKILL');
  process.on('exit', reap);
  const endpoint = `http://127.0.0.1:${port}`;
  const server = {
    endpoint,
    /** As the SDK's client takes them. */
    options: { endpoint, region: 'eu-central-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } },
    /** As the SDK finds them in the environment. */
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
    /** Where its objects are. */
    folder: path.join(folder, bucket),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
    },
    async remove() {
      await server.stop();
      process.off('exit', reap);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const late = Date.now() + START_MILLIS; Date.now() < late; await delay(20)) {
    const answers = await fetch(endpoint).then(
      () => true,
      () => false,
    );
    if (answers) return server;
  }
  await server.remove();
  throw new Error('s3s-fs did not start');
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
