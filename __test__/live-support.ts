// The live page in Debian's Chromium.
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { cleanEnvironment } from '../stress/shared/environment.mjs';

const EXECUTABLE = '/usr/bin/chromium';

/** Why there is no browser; `undefined` where there is one. */
export const missing = existsSync(EXECUTABLE)
  ? undefined
  : 'Chromium is not installed (Debian: apt-get install chromium)';

export function launch(): Promise<Browser> {
  const env = Object.fromEntries(
    Object.entries(cleanEnvironment()).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  // Its sandbox needs user namespaces, which root and containers lack; it opens our own page only.
  return chromium.launch({ executablePath: EXECUTABLE, env, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export interface Opened {
  readonly page: Page;
  /** What the browser complained of: errors and warnings, violations of the policy among them. */
  readonly complaints: string[];
}

/** A page of a profile of its own, closed after the test. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

/** The text of a table's cell, by the names of its chart, row and column. */
export async function cell(page: Page, chart: string, row: string, column: 'Now' | 'Least' | 'Most'): Promise<string> {
  const index = ['Now', 'Least', 'Most'].indexOf(column);
  const table = page.getByRole('table', { name: chart });
  const line = table.getByRole('row').filter({ has: page.getByRole('rowheader', { name: row, exact: true }) });
  return (await line.getByRole('cell').nth(index).textContent()) ?? '';
}
