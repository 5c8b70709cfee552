import { badOption, words } from '../options.js';
import { misfit } from './conformance.js';
import type { ProcessStatus } from './document.js';
import { STATUS_SCHEMA } from './schema.js';
import { DEFAULT_KEY, readerRule, type StatusReader } from './store.js';

/** All that publish under one key. */
export interface FleetStatus {
  /** The key. */
  readonly key: string;
  /** Processes, by host, number and thread. */
  readonly processes: readonly ProcessStatus[];
  /** Fields that hold something else, such as the status of a later version, and why each cannot be read. */
  readonly unreadable: Readonly<Record<string, string>>;
}

/**
 * What the processes publish that write under a key with {@link publishStatus}.
 *
 * @param key the key; `hive/memory/wasm-tracker` where absent
 * @throws OptionError `ERR_BAD_OPTION` for what is no such store, or no such key.
 * @throws Error the store's own, if it cannot be read.
 */
export async function readStatus(store: StatusReader, key: string = DEFAULT_KEY): Promise<FleetStatus> {
  if (!readerRule.accepts(store)) throw badOption('store', store, readerRule.allowed);
  if (!words.accepts(key)) throw badOption('key', key, words.allowed);
  const processes: ProcessStatus[] = [];
  const unreadable: [field: string, why: string][] = [];
  for (const [field, text] of Object.entries(await store.all(key))) {
    const read = parse(text);
    if (typeof read === 'string') unreadable.push([field, read]);
    else processes.push(read);
  }
  processes.sort((a, b) => order(a.host, b.host) || a.pid - b.pid || a.thread - b.thread || order(a.id, b.id));
  return { key, processes, unreadable: Object.fromEntries(unreadable) };
}

/** The status in a text, or why there is none. */
function parse(text: string): ProcessStatus | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'no JSON';
  }
  const { schema } = Object(value) as { schema?: unknown };
  if (typeof schema === 'number' && schema !== 1) return `version ${schema} of the schema`;
  const place = misfit(value, STATUS_SCHEMA);
  return place === undefined ? (value as ProcessStatus) : `not as the schema says: ${place}`;
}

function order(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
