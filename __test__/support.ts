import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  type Component,
  type Engine,
  type Module,
  Pool,
  type PoolOptions,
  type ResourceTracker,
  wat2wasm,
} from '../dist/index.js';
import { BUMP_ALLOCATOR } from '../stress/shared/bump-allocator.mjs';
import { cleanEnvironment } from '../stress/shared/environment.mjs';

/** Adds, and counts its calls: `count` shows whether an instance was used before. */
export const MATH = `(module
  (global $calls (mut i32) (i32.const 0))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "count") (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (global.get $calls))
  (func (export "fail") unreachable)
  (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1))))`;

/** Never returns; holds two pages meanwhile. */
export const LOOP = `(module
  (memory (export "memory") 2)
  (func (export "spin") (loop (br 0)))
  (func (export "seven") (result i32) (i32.const 7)))`;

/** Sleeps in WASI for as many nanoseconds as it is told. */
export const SLEEP = `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "sleep") (param $nanos i64) (result i32)
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (local.get $nanos))
    (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
  (func (export "seven") (result i32) (i32.const 7)))`;

/** Gives what a host function gives. */
export const ASK = `(module
  (import "env" "ask" (func $ask (param i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "run") (param i32) (result i32) (call $ask (local.get 0)))
  (func (export "seven") (result i32) (i32.const 7)))`;

/** Grows its memory: politely, or trapping where that is refused. */
export const GROW = `(module
  (memory (export "memory") 1)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow-or-trap") (param i32)
    (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable)))
  (func (export "seven") (result i32) (i32.const 7)))`;

/** Calls itself until its stack is full. */
export const OVERFLOW = `(module
  (memory (export "memory") 1)
  (func $recurse (export "recurse") (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "seven") (result i32) (i32.const 7)))`;

export const ONE_MINUTE_NANOS = 60_000_000_000n;

/** A component around a core module, with memory and an allocator that never frees. */
export function component(core: string, outside: string): string {
  return `(component
    (core module $m
      (memory (export "memory") 64)
      ${BUMP_ALLOCATOR}
      ${core})
    (core instance $i (instantiate $m))
    ${outside})`;
}

export async function loadWat(engine: Engine, text: string): Promise<Module | Component> {
  return engine.load(wat2wasm(text));
}

/** A pool over WAT, destroyed after the test. */
export async function poolOf(engine: Engine, text: string, options?: PoolOptions): Promise<Pool> {
  const pool = new Pool(await loadWat(engine, text), options);
  onTestFinished(() => pool.destroy());
  return pool;
}

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return promise.then(
    (value) => {
      throw new Error(`expected a rejection, received ${JSON.stringify(value)}`);
    },
    (error) => error,
  );
}

/** What a function throws. */
export function thrown(call: () => unknown): Error & Record<string, unknown> {
  try {
    call();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('expected a throw');
}

/** How often the event loop came round while the promise was pending. Rejects where the promise does. */
export async function turnsDuring(promise: Promise<unknown>): Promise<number> {
  let turns = 0;
  const interval = setInterval(() => turns++, 1);
  try {
    await promise;
  } finally {
    clearInterval(interval);
  }
  return turns;
}

/** Waits for what happens in the background, five seconds at most. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let round = 0; round < 500 && !holds(); round++) await new Promise((resolve) => setTimeout(resolve, 10));
  if (!holds()) throw new Error(`did not come to hold: ${holds}`);
}

export async function noPagesLeft(...trackers: ResourceTracker[]): Promise<void> {
  await eventually(() => trackers.every((tracker) => tracker.currentPages === 0));
}

/** A folder of its own, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'riptide-wasm-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The Node that runs it: this one unless another is named. */
  readonly execPath?: string;
  /** Added to this process's environment, without its settings. */
  readonly env?: Record<string, string>;
  readonly input?: string | Uint8Array;
  /** Node's own options. */
  readonly node?: readonly string[];
  /** The most address space the process gets, in KiB. */
  readonly addressSpace?: number;
}

/** A Node of another version, which `.ci/run` installs into `target`; a suite that needs it is skipped without. */
export interface OtherNode {
  readonly name: string;
  readonly execPath: string;
  readonly missing: boolean;
}

/** This Node, and those of the versions that users have. */
export const NODES: readonly OtherNode[] = [
  { name: `Node ${process.versions.node}`, execPath: process.execPath, missing: false },
  ...['24', '26'].map((version) => {
    const execPath = fileURLToPath(new URL(`../target/node${version}/node_modules/node/bin/node`, import.meta.url));
    const missing = !existsSync(execPath);
    return { name: `Node ${version}${missing ? ' (skipped: .ci/run installs it)' : ''}`, execPath, missing };
  }),
];

/** Runs a script of this repository in a process of its own. */
export function run(
  script: string,
  args: readonly string[] = [],
  { execPath = process.execPath, env = {}, input, node = [], addressSpace }: RunOptions = {},
): Promise<Ended> {
  const command = [execPath, ...node, fileURLToPath(new URL(`../${script}`, import.meta.url)), ...args];
  if (addressSpace !== undefined) command.unshift('sh', '-c', `ulimit -v ${addressSpace} && exec "$@"`, 'sh');
  const [file = '', ...rest] = command;
  return new Promise((resolve) => {
    const child = execFile(
      file,
      rest,
      { env: cleanEnvironment(env), maxBuffer: 256 * 1024 * 1024, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr }),
    );
    child.stdin?.on('error', () => {}); // a command that fails early does not read it
    child.stdin?.end(input);
  });
}
