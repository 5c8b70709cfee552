// The live page as a browser shows it.
/// <reference lib="dom" />
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createServer, type FleetMember } from '../dist/server/index.js';
import { cell, launch, missing, open } from './live-support.js';
import { extractorOf, type Listening, listenTo, occupy, post, serverOf } from './server-support.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PAGE = `<html lang="en"><head><title>Of tides</title><meta name="author" content="Ada Boatwright"></head><body><article>
  <h1>Of tides</h1>${'<p>The tide comes in <b>twice</b> a day, and with it the small boats that fish the bay.</p>'.repeat(5)}
  <p>Code: <code>&lt;img src=x onerror=alert(1)&gt;</code></p></article></body></html>`;

const PHONE = { viewport: { width: 375, height: 740 }, isMobile: true, hasTouch: true };

if (missing !== undefined) console.warn(`skipped: ${missing}`);

/** What axe finds wrong, best practices included. */
async function faults(page: Page): Promise<string[]> {
  // A page's policy keeps scripts out; the driver's own are not the page's.
  const found = await page.evaluate(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: axe is not a module here
    const results = await (globalThis as any).axe.run();
    return results.violations as { id: string; nodes: { html: string; failureSummary: string }[] }[];
  });
  return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}

const state = (page: Page) => page.locator('#state').textContent();

describe.skipIf(missing !== undefined)(`the live page${missing === undefined ? '' : ` (${missing})`}`, () => {
  let browser: Browser;
  let server: Listening;
  let url: string;
  beforeAll(async () => {
    browser = await launch();
    server = await listenTo(await createServer({ extractor: { env: false, max: 2 } }));
    url = `http://127.0.0.1:${server.port}/`;
  });
  afterAll(async () => {
    await browser?.close();
    server?.app.server.closeAllConnections();
    await server?.app.close();
  });

  test('shows numbers that change under load, and breaks no rule of its policy', async () => {
    const { page, complaints } = await open(browser, url);
    await expect.poll(() => state(page)).toBe('Takes pages');
    await expect.poll(() => cell(page, 'Calls', 'extracted', 'Now')).toBe('0/s');
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      'Memory',
      'Pool',
      'Calls',
      'Latency',
      'Compiled code',
      'Cold start',
      'Extract a page',
    ]);
    expect(await cell(page, 'Latency', 'median', 'Now')).toBe('–');
    const pixels = () =>
      page.evaluate(() => Array.from(document.querySelectorAll('canvas'), (canvas) => canvas.toDataURL()));
    const before = await pixels();
    expect(before).toHaveLength(6);
    let loading = true;
    const load = (async () => {
      while (loading) await post(server.port, PAGE);
    })();
    onTestFinished(async () => {
      loading = false;
      await load;
    });
    await post(server.port, '');
    await expect.poll(() => cell(page, 'Calls', 'extracted', 'Most'), { timeout: 10_000 }).toMatch(/^[1-9][\d.]*\/s$/);
    await expect.poll(() => cell(page, 'Calls', 'refused by the extractor', 'Most')).toMatch(/^[\d.]*[1-9][\d.]*\/s$/);
    await expect.poll(() => cell(page, 'Latency', 'median', 'Now')).toMatch(/^[\d.]+ m?s$/);
    expect(await cell(page, 'Memory', 'instances', 'Now')).toMatch(/^[\d.]+ MiB$/);
    expect(await page.getByRole('rowheader', { name: 'trap' }).count()).toBe(0);
    const after = await pixels();
    expect(after.filter((picture, index) => picture === before[index])).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('says why no pages are taken, and that it is paused', async () => {
    const extractor = await extractorOf({ maxQueue: 0 });
    const { port } = await serverOf({ extractor });
    const release = await occupy(extractor);
    const { page } = await open(browser, `http://127.0.0.1:${port}/`);
    await expect.poll(() => state(page)).toBe('Takes no pages: 1 calls run and 0 wait, which is as many as may');
    expect(await cell(page, 'Pool', 'active', 'Now')).toBe('1');
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await state(page)).toBe('Paused');
    await release();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([await state(page), await cell(page, 'Pool', 'active', 'Now')]).toEqual(['Paused', '1']);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => state(page)).toBe('Takes pages');
    expect(await cell(page, 'Pool', 'active', 'Now')).toBe('0');
  });

  test('extracts a page that is pasted, and shows its text as text', async () => {
    const { page, complaints } = await open(browser, url);
    await page.getByLabel('HTML').fill(PAGE);
    await page.getByLabel('Address').fill('https://example.com/tides');
    await page.getByRole('button', { name: 'Extract' }).click();
    const outcome = page.locator('#outcome');
    await expect
      .poll(() => outcome.textContent())
      .toMatch(/^\d+ words from 6\d\d B in .* m?s \(extracting [\d.]+ ms\)$/);
    expect(await page.getByLabel('Markdown').inputValue()).toContain('comes in **twice** a day');
    expect(await page.getByLabel('Text', { exact: true }).inputValue()).toContain('<img src=x onerror=alert(1)>');
    const metadata = await page.locator('#metadata').textContent();
    for (const part of ['Of tides', 'Ada Boatwright', 'https://example.com/tides']) expect(metadata).toContain(part);
    expect(complaints).toEqual([]);
  });

  test('shows why a page cannot be extracted', async () => {
    const { page, complaints } = await open(browser, url);
    const outcome = page.locator('#outcome');
    await page.getByRole('button', { name: 'Extract' }).click();
    expect(await outcome.textContent()).toBe('Give the page’s HTML, or its address.');
    await expect.poll(() => page.locator('#address-hint').textContent()).toContain('this server fetches no pages');
    await page.getByLabel('Address').fill('https://example.com/tides');
    await page.getByRole('button', { name: 'Extract' }).click();
    await expect.poll(() => outcome.textContent()).toMatch(/^ERR_FETCH_OFF: /);
    await page.getByLabel('HTML').fill(' ');
    await page.getByRole('button', { name: 'Extract' }).click();
    await expect.poll(() => outcome.textContent()).toMatch(/^ERR_GUEST: /);
    expect(await page.locator('#result').isVisible()).toBe(false);
    // The browser's own lines about the two answers, and nothing else.
    expect(complaints).toEqual([expect.stringContaining('403'), expect.stringContaining('422')]);
  });

  test.each([
    ['light', {}],
    ['dark', {}],
    ['light', PHONE],
    ['dark', PHONE],
  ] as const)('is accessible: %s, %j', async (colorScheme, device) => {
    const { page } = await open(browser, url, { colorScheme, ...device });
    await page.addInitScript({ path: AXE });
    await page.reload();
    await expect.poll(() => state(page)).toBe('Takes pages');
    expect(await faults(page)).toEqual([]);
    await page.getByLabel('HTML').fill(PAGE);
    await page.getByRole('button', { name: 'Extract' }).click();
    await page.getByLabel('Markdown').waitFor();
    expect(await faults(page)).toEqual([]);
    const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(wide).toBeLessThanOrEqual(shown ?? 0);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(ground).toBe(colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(19, 20, 23)');
  });

  test('shows a fleet, accessibly on a phone', async () => {
    const member: FleetMember = {
      host: '<b>bay</b>',
      pid: 7,
      thread: 2,
      version: '0.1.0',
      uptimeSeconds: 7_260,
      memory: { pages: 32, residentBytes: 2 ** 20 },
      rates: { calls: 2.5, failures: 0 },
      pools: { extractor: { active: 3, waiting: 4, breaker: { state: 'halfOpen' } } },
    };
    let members: FleetMember[] | undefined = [member, { ...member, pid: 8, thread: 0 }];
    const fleet = async () => {
      if (members === undefined) throw new Error('away');
      return members;
    };
    const { port } = await serverOf({ extractor: await extractorOf(), fleet });
    const { page } = await open(browser, `http://127.0.0.1:${port}/`, PHONE);
    await page.addInitScript({ path: AXE });
    await page.reload();
    const table = page.getByRole('table', { name: 'Fleet' });
    await table.waitFor();
    const row = table.getByRole('row').nth(1);
    expect(await row.getByRole('rowheader').textContent()).toBe('<b>bay</b>');
    expect(await row.getByRole('cell').allTextContents()).toEqual([
      '7/2',
      '0.1.0',
      '2 h 1 min',
      '2 MiB',
      '1 MiB',
      '3',
      '4',
      '2.50/s',
      '0/s',
      'halfOpen',
    ]);
    expect(await page.locator('#fleet-note').textContent()).toBe('Processes: 2; 5/s calls, 4 MiB in instances');
    expect(await faults(page)).toEqual([]);
    members = [member];
    await expect.poll(() => table.getByRole('row').count(), { timeout: 5_000 }).toBe(2);
    members = undefined;
    await expect
      .poll(() => page.locator('#fleet-note').textContent(), { timeout: 5_000 })
      .toBe('The status of the fleet cannot be read');
  });

  test('connects again after the server was away', async () => {
    const first = await listenTo(await createServer({ extractor: { env: false, max: 1 } }));
    const { page } = await open(browser, `http://127.0.0.1:${first.port}/`);
    await expect.poll(() => state(page)).toBe('Takes pages');
    await post(first.port, PAGE);
    await expect.poll(() => page.locator('section.panel p').nth(2).textContent()).toBe('So far: 1 extracted');
    await first.app.close();
    await expect.poll(() => state(page)).toBe('The server does not answer; trying again');
    const second = await createServer({ extractor: { env: false, max: 1 } });
    onTestFinished(async () => {
      second.server.closeAllConnections();
      await second.close();
    });
    await second.listen({ port: first.port, host: '127.0.0.1' });
    await expect.poll(() => state(page), { timeout: 15_000 }).toBe('Takes pages');
    expect(await page.locator('section.panel p').nth(2).textContent()).toBe('So far: 0 extracted');
    expect(await cell(page, 'Calls', 'extracted', 'Least')).not.toContain('-');
  });

  test('gives its place back while it is hidden and once it is closed', async () => {
    let listening = 0;
    server.app.server.prependListener('request', ({ url: path }, response) => {
      if (path !== '/live/events') return;
      listening += 1;
      response.once('close', () => {
        listening -= 1;
      });
    });
    const { page } = await open(browser, url);
    await expect.poll(() => listening).toBe(1);
    const turn = (visibility: string) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'visibilityState', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, visibility);
    await turn('hidden');
    await expect.poll(() => listening).toBe(0);
    await turn('visible');
    await expect.poll(() => listening).toBe(1);
    await page.close();
    await expect.poll(() => listening).toBe(0);
  });
});
