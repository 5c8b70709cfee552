import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type CacheLimits, resolveLimits } from '../cache-options.js';
import { loadConfig } from '../config.js';
import { Engine } from '../engine.js';
import type { CacheEntry, RemovedFromCache } from '../module-cache.js';
import { ownCacheKeyFile } from '../native.js';
import { cacheOf, parseArguments, wholeNumber } from './arguments.js';
import { Failure, oneLine, usage } from './failure.js';
import { print } from './output.js';
import { type Column, table } from './table.js';

const PLACE = { dir: { type: 'string' }, trust: { type: 'string' } } as const;
const DAY_MILLIS = 24 * 3_600_000;
const KEY_BYTES = 32;

const COLUMNS: readonly Column[] = [
  { title: 'module', shrinks: true },
  { title: 'wasm bytes', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'last used' },
  { title: 'for', shrinks: true },
];

/** `riptide-wasm cache`: what is in the cache's directory, and what has to go. */
export async function cache([command, ...rest]: string[]): Promise<void> {
  switch (command) {
    case 'ls':
      return list(await open(rest).entries());
    case 'verify':
      return verify(rest);
    case 'prune':
      return prune(rest);
    case 'clear':
      return removed(await open(rest).clear());
    case 'key':
      return key(rest);
    default:
      throw usage(`cache takes ls, verify, prune, clear or key, not ${JSON.stringify(command ?? '')}`);
  }
}

function open(argv: string[]): Engine['cache'] {
  const { values } = parseArguments({ args: argv, options: PLACE });
  return cacheAt(values.dir, values.trust);
}

function cacheAt(directory: string | undefined, trust: string | undefined): Engine['cache'] {
  return new Engine({ ...loadConfig().engine, cache: cacheOf(directory, trust) }).cache;
}

function list(entries: readonly CacheEntry[]): Promise<void> {
  const rows = entries.map(({ moduleHash, moduleBytes, bytes, used, compat, current }) => [
    moduleHash.slice(0, 16),
    String(moduleBytes),
    String(bytes),
    used.toISOString(),
    current ? 'this machine' : compat.slice(0, 16),
  ]);
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const lines = entries.length > 0 ? table(COLUMNS, rows, process.stdout.columns ?? 120) : [];
  return print(`${[...lines, `${entries.length} artefacts, ${bytes} bytes`].join('\n')}\n`);
}

async function verify(argv: string[]): Promise<void> {
  const entries = await open(argv).verify();
  const bad = entries.filter(({ rejection }) => rejection !== undefined);
  const lines = bad.map(
    ({ compat, moduleHash, moduleBytes, rejection }) => `${compat}/${moduleHash}_${moduleBytes}: ${rejection}\n`,
  );
  await print(`${lines.join('')}${entries.length - bad.length} of ${entries.length} artefacts are genuine\n`);
  if (bad.length > 0) throw new Failure(`${bad.length} would not be used; each costs a compile`);
}

async function prune(argv: string[]): Promise<void> {
  const { values } = parseArguments({
    args: argv,
    options: {
      ...PLACE,
      'max-bytes': { type: 'string' },
      'max-entries': { type: 'string' },
      'max-age-days': { type: 'string' },
    },
  });
  const limits: CacheLimits = {};
  const maxBytes = wholeNumber('max-bytes', values['max-bytes']);
  const maxEntries = wholeNumber('max-entries', values['max-entries']);
  const days = wholeNumber('max-age-days', values['max-age-days']);
  if (maxBytes !== undefined) limits.maxBytes = maxBytes;
  if (maxEntries !== undefined) limits.maxEntries = maxEntries;
  if (days !== undefined) limits.maxAgeMillis = days * DAY_MILLIS;
  try {
    resolveLimits(limits);
  } catch (error) {
    throw usage(oneLine(error));
  }
  return removed(await cacheAt(values.dir, values.trust).prune(limits));
}

function removed({ entries, bytes }: RemovedFromCache): Promise<void> {
  return print(`${entries} artefacts removed, ${bytes} bytes\n`);
}

/** Shows where the key is, or makes one for other machines. */
async function key(argv: string[]): Promise<void> {
  const { values } = parseArguments({ args: argv, options: { out: { type: 'string' } } });
  if (values.out === undefined) {
    const { keyFile } = cacheOf(undefined, undefined);
    return print(`${keyFile ?? ownCacheKeyFile()}\n`);
  }
  const file = resolve(values.out);
  try {
    await writeFile(file, randomBytes(KEY_BYTES), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new Failure(`${file}: ${oneLine(error)}`);
  }
  return print(`${file}\n`);
}
