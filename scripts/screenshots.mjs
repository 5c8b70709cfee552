// `npm run screenshots`: the pictures of docs/live-page.md, of a server under load. Needs Debian's Chromium.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startServer } from '../stress/shared/server-process.mjs';
import { Failure, isMain, main, root } from './lib.mjs';

const EXECUTABLE = '/usr/bin/chromium';

/** Of each picture: it is in the package. */
const MAX_BYTES = 100_000;

/** How long the charts fill, in milliseconds. */
const LOAD_MILLIS = 45_000;

const PAGE = `<html lang="en"><head><title>Of tides</title><meta name="author" content="Ada Boatwright"></head><body><article>
  <h1>Of tides</h1>${'<p>The tide comes in <b>twice</b> a day, and with it the small boats that fish the bay.</p>'.repeat(200)}
  </article></body></html>`;

const PICTURES = [
  { name: 'live-light', colorScheme: 'light', viewport: { width: 1140, height: 430 } },
  { name: 'live-dark', colorScheme: 'dark', viewport: { width: 390, height: 820 } },
];

/** Pages from a few callers, more at some times than at others; one in ten is empty. */
async function load(url, signal) {
  for (let round = 0; !signal.aborted; round++) {
    const body = round % 10 === 9 ? '' : PAGE;
    await (await fetch(`${url}/extract`, { method: 'POST', headers: { 'content-type': 'text/html' }, body })).text();
    await delay(20 + 18 * Math.sin(Date.now() / 5_000));
  }
}

async function screenshots() {
  const { chromium } = await import('playwright-core');
  const folder = path.join(root, 'docs', 'images');
  mkdirSync(folder, { recursive: true });
  const server = await startServer();
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-lcd-text'] });
  const over = new AbortController();
  const loads = [1, 2, 3].map(() => load(server.url, over.signal));
  try {
    const pages = [];
    for (const { name, ...options } of PICTURES) {
      const page = await (await browser.newContext(options)).newPage();
      await page.goto(server.url);
      pages.push({ name, page });
    }
    await delay(LOAD_MILLIS);
    for (const { name, page } of pages) {
      const file = path.join(folder, `${name}.png`);
      await page.screenshot({ path: file });
      const { size } = statSync(file);
      console.log(`${path.relative(root, file)}: ${size} bytes`);
      if (size > MAX_BYTES) throw new Failure(`${file} has more than ${MAX_BYTES} bytes`);
    }
  } finally {
    over.abort();
    await Promise.allSettled(loads);
    await browser.close();
    await server.stop();
  }
}

if (isMain(import.meta.url)) await main(screenshots);
