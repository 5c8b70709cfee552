import { setTimeout as delay } from 'node:timers/promises';
import type { PoolStatus, ProcessStatus } from '../status/document.js';
import { type FleetStatus, readStatus } from '../status/read.js';
import { warnOfUnknown } from '../variables.js';
import { parseArguments } from './arguments.js';
import { Failure, sanitise, usage } from './failure.js';
import { print } from './output.js';
import { type GivenUrl, RedisConnection, redisUrl } from './redis.js';
import { type Column, table } from './table.js';

const REFRESH_MILLIS = 1_000;
const WIDTH = 160;
const MIB_PAGES = 16;

const COLUMNS: readonly Column[] = [
  { title: 'host', shrinks: true },
  { title: 'pid', align: 'right' },
  { title: 'version' },
  { title: 'up', align: 'right' },
  { title: 'MiB', align: 'right' },
  { title: 'RSS MiB', align: 'right' },
  { title: 'active', align: 'right' },
  { title: 'waiting', align: 'right' },
  { title: 'calls/s', align: 'right' },
  { title: 'failed/s', align: 'right' },
  { title: 'breaker' },
  { title: 'SIMD' },
  { title: 'cache', align: 'right' },
  { title: 'last error', shrinks: true },
];

interface Asked {
  readonly redis: GivenUrl;
  readonly key: string | undefined;
  readonly watch: boolean;
  readonly json: boolean;
}

/** `riptide-wasm status`: what the processes of a fleet publish. */
export async function status(argv: string[]): Promise<void> {
  const { redis, key, watch, json } = parse(argv);
  const connection = await RedisConnection.open('status', redis, true);
  try {
    if (watch) await follow(connection, key, json);
    else await print(shown(await readStatus(connection, key), json));
  } finally {
    connection.close();
  }
}

function parse(argv: string[]): Asked {
  const { values } = parseArguments({
    args: argv,
    options: {
      redis: { type: 'string' },
      key: { type: 'string' },
      watch: { type: 'boolean' },
      json: { type: 'boolean' },
    },
  });
  warnOfUnknown(process.env);
  const redis = redisUrl('--redis', values.redis);
  if (redis === undefined) throw usage('--redis URL is missing');
  if (values.key === '') throw usage('--key is a key, not ""');
  return { redis, key: values.key, watch: values.watch ?? false, json: values.json ?? false };
}

function shown(fleet: FleetStatus, json: boolean): string {
  if (json) return `${JSON.stringify(fleet, undefined, 2)}\n`;
  return `${linesOf(fleet).join('\n')}\n`;
}

/** Until a signal ends it. A Redis that goes away may come back. */
async function follow(connection: RedisConnection, key: string | undefined, json: boolean): Promise<never> {
  const screen = process.stdout.isTTY && !json;
  for (let first = true; ; first = false) {
    let lines: string[];
    try {
      const fleet = await readStatus(connection, key);
      lines = json ? [JSON.stringify(fleet)] : linesOf(fleet);
    } catch (error) {
      if (!(error instanceof Failure) || json) throw error;
      lines = [error.message];
    }
    await print(screen ? frame(lines, first) : `${lines.join('\n')}\n`);
    await delay(REFRESH_MILLIS);
  }
}

/** Lines over those that were there before, without a moment in which there are none. */
function frame(lines: readonly string[], first: boolean): string {
  const room = Math.max(1, (process.stdout.rows ?? lines.length + 1) - 1);
  const cut = lines.length > room ? [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`] : lines;
  const clear = first ? '\x1b[2J' : '';
  return `${clear}\x1b[H${cut.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`;
}

function linesOf({ key, processes, unreadable }: FleetStatus): string[] {
  const lines = processes.length === 0 ? [] : table(COLUMNS, processes.map(rowOf), process.stdout.columns ?? WIDTH);
  const of = (read: (each: ProcessStatus) => number) => processes.reduce((sum, each) => sum + read(each), 0);
  const rate = of(({ rates }) => rates.calls);
  const pages = of(({ memory }) => memory.pages);
  lines.push(`${processes.length} processes, ${decimal(rate)} calls/s, ${mebibytes(pages)} MiB under ${sanitise(key)}`);
  for (const [field, why] of Object.entries(unreadable)) lines.push(sanitise(`${field} cannot be read: ${why}`));
  return lines;
}

function rowOf(each: ProcessStatus): string[] {
  const pools = Object.values(each.pools);
  const engines = Object.values(each.engines);
  const of = (read: (pool: PoolStatus) => number) => pools.reduce((sum, pool) => sum + read(pool), 0);
  return [
    each.host,
    each.thread === 0 ? String(each.pid) : `${each.pid}/${each.thread}`,
    each.version,
    duration(each.uptimeSeconds),
    mebibytes(each.memory.pages),
    String(Math.round(each.memory.residentBytes / 2 ** 20)),
    `${of(({ active }) => active)}/${of(({ configuration }) => configuration.max)}`,
    String(of(({ waiting }) => waiting)),
    decimal(each.rates.calls),
    decimal(each.rates.failures),
    breakerOf(pools),
    flagOf(engines.map(({ configuration }) => configuration.simd)),
    cacheOf(each),
    lastErrorOf(each),
  ];
}

/** The worst of several. */
function breakerOf(pools: readonly PoolStatus[]): string {
  const states = pools.map(({ breaker }) => breaker?.state);
  return (['open', 'halfOpen', 'closed'] as const).find((state) => states.includes(state)) ?? '-';
}

function flagOf(flags: readonly boolean[]): string {
  if (flags.length === 0) return '-';
  if (flags.every((flag) => flag)) return 'on';
  return flags.some((flag) => flag) ? 'mixed' : 'off';
}

/** Loads that the cache answered, of all. */
function cacheOf({ engines }: ProcessStatus): string {
  const caches = Object.values(engines).map(({ cache }) => cache);
  if (caches.length === 0) return '-';
  if (caches.every(({ enabled }) => !enabled)) return 'off';
  const hits = caches.reduce((sum, cache) => sum + cache.memoryHits + cache.diskHits + cache.sharedHits, 0);
  const misses = caches.reduce((sum, cache) => sum + cache.misses, 0);
  return `${hits}/${hits + misses}`;
}

function lastErrorOf({ errors, written }: ProcessStatus): string {
  const [last] = Object.entries(errors).sort(([, a], [, b]) => Date.parse(b.last) - Date.parse(a.last));
  if (last === undefined) return '-';
  const [code, { count, last: at }] = last;
  const ago = (Date.parse(written) - Date.parse(at)) / 1_000;
  return `${code} ×${count}${Number.isFinite(ago) ? `, ${duration(Math.max(0, ago))} ago` : ''}`;
}

function mebibytes(pages: number): string {
  return decimal(pages / MIB_PAGES);
}

function decimal(number: number): string {
  return number.toFixed(number !== 0 && number < 100 ? 1 : 0);
}

/** Its two largest units, such as 3d4h. */
function duration(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const;
  const from = units.findIndex(([, size]) => seconds >= size);
  if (from < 0) return '0s';
  let left = seconds;
  const parts = units.slice(from, from + 2).map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return `${count}${unit}`;
  });
  return parts.join('');
}
