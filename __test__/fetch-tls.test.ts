import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HTML, inChild, listen, PAGE, page } from './fetch-support.js';
import { temporaryFolder } from './support.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('https (its certificates are made by openssl)', () => {
  async function serveTls(answer: RequestListener) {
    const folder = temporaryFolder();
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const made = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tides'.split(' ');
    execFileSync('openssl', ['req', ...made, '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], {
      stdio: 'pipe',
    });
    const names: unknown[] = [];
    const requests: string[] = [];
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
      names.push((request.socket as unknown as { servername: unknown }).servername);
      requests.push(request.url ?? '');
      answer(request, response);
    });
    return { ...(await listen(server, 'https')), names, requests, cert };
  }

  /** What a process that trusts this certificate gets. */
  async function trusting(cert: string, url: string, env: Record<string, string> = {}) {
    const { stdout } = await inChild(
      `await fetchPage(process.argv[2], options, signal).then(
        ({ html, url }) => report({ html: Buffer.from(html).toString(), url }),
        ({ code, message }) => report({ code, message }))`,
      [url],
      { NODE_EXTRA_CA_CERTS: cert, NODE_NO_WARNINGS: '1', ...env },
    );
    return JSON.parse(stdout);
  }

  test('fetches from a host with its certificate', async () => {
    const server = await serveTls((request, response) => response.writeHead(200, HTML).end(request.headers.host));
    const url = `https://localhost:${server.port}/`;
    expect(await trusting(server.cert, url)).toEqual({ html: `localhost:${server.port}`, url });
    expect(server.names).toEqual(['localhost']);
  });

  test('asks nothing of a host with another name, or with a certificate that nobody signed', async () => {
    const server = await serveTls((_, response) => response.writeHead(200, HTML).end(PAGE));
    const wrong = await trusting(server.cert, `https://127.0.0.1:${server.port}/`);
    expect(wrong).toMatchObject({ code: 'ERR_FETCH_FAILED', message: expect.stringContaining('altnames') });
    const unverified = { NODE_EXTRA_CA_CERTS: '', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    const unsigned = await trusting(server.cert, `https://localhost:${server.port}/`, unverified);
    expect(unsigned).toMatchObject({ code: 'ERR_FETCH_FAILED', message: expect.stringContaining('self-signed') });
    expect(server.requests).toEqual([]);
  });

  test('is not left for http', async () => {
    const target = await page(PAGE);
    const server = await serveTls((_, response) => response.writeHead(301, { location: target.url }).end());
    const { code, message } = await trusting(server.cert, `https://localhost:${server.port}/`);
    expect(code).toBe('ERR_FETCH_REDIRECTS');
    expect(message).toContain('from https: to http:');
    expect(server.requests).toEqual(['/']);
    expect(target.sockets).toHaveLength(0);
  });
});
