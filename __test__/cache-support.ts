// What the tests of the cache share: homes, users and folders of their own.
import { execFile, spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { type ModuleCacheSnapshot, wat2wasm } from '../dist/index.js';
import { type Ended, type RunOptions, run, temporaryFolder } from './support.js';

export const cli = (args: string[], options?: RunOptions): Promise<Ended> => run('dist/cli/main.js', args, options);

/** A home of its own, so that keys and artefacts of other runs play no part. */
export function ownHome(): Record<'HOME' | 'XDG_CACHE_HOME' | 'XDG_CONFIG_HOME' | 'XDG_DATA_HOME', string> {
  const home = temporaryFolder();
  return {
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CONFIG_HOME: join(home, 'config'),
  };
}

/** A guest in a file of its own. */
export function guestFile(text: string): string {
  const file = join(temporaryFolder(), 'guest.wasm');
  writeFileSync(file, wat2wasm(text));
  return file;
}

/** A guest of which there are many, all alike: it gives its number. */
export const numbered = (number: number): string => `(module (func (export "n") (result i32) (i32.const ${number})))`;

/** Everything in a folder, by its path below it. */
export function allIn(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).sort();
}

/** Artefacts in a cache's directory: files, and neither locks nor what was not finished. */
export function artefactsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9a-f]{64}_\d+$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What a folder looks like: whoever writes into it changes that. */
export function lookOf(folder: string): string[] {
  return ['.', ...allIn(folder)].map((name) => {
    const { mode, size, mtimeNs, ctimeNs } = lstatSync(join(folder, name), { bigint: true });
    return `${name} ${mode.toString(8)} ${size} ${mtimeNs} ${ctimeNs}`;
  });
}

/** The warnings of this process, from now until the test is over. */
export function collectWarnings(): string[] {
  const warnings: string[] = [];
  const listen = ({ name, message }: Error) => void (name === 'RiptideWarning' && warnings.push(message));
  process.on('warning', listen);
  onTestFinished(() => void process.off('warning', listen));
  return warnings;
}

/** The warnings among what a process wrote to standard error. */
export const warningsIn = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.includes('RiptideWarning:'));

export interface Loaded {
  /** Of each guest, in order. */
  readonly guests: readonly { readonly cacheHit: boolean; readonly answer: unknown }[];
  readonly cache: ModuleCacheSnapshot;
  readonly warnings: readonly string[];
}

/** What a process of `fixtures/load.mjs` came to. It must have ended well, and complained about nothing else. */
export function loadedBy({ code, stdout, stderr }: Ended): Loaded {
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const warnings = warningsIn(stderr);
  const hint = '(Use `node --trace-warnings ...` to show where the warning was created)';
  const other = stderr.split('\n').filter((line) => line !== '' && line !== hint && !warnings.includes(line));
  expect(other).toEqual([]);
  return { ...JSON.parse(stdout), warnings };
}

/** Loads guests in a process of their own, as the environment says; `redis` is the socket of a server. */
export async function loadElsewhere(files: string[], env: Record<string, string>, redis?: string): Promise<Loaded> {
  return loadedBy(await run('__test__/fixtures/load.mjs', [JSON.stringify({ files, redis })], { env }));
}

/** Who owns nothing. */
const NOBODY = 65_534;

/** Why no process can be run as {@link NOBODY} here; `undefined` where one can. */
export const noOtherUser: string | undefined = whyNoOtherUser();

function whyNoOtherUser(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can run a process as another user';
  const entry = fileURLToPath(new URL('../dist/index.js', import.meta.url));
  const probe = spawnSync(process.execPath, [entry], { uid: NOBODY, gid: NOBODY, cwd: '/' });
  return probe.status === 0 ? undefined : 'another user cannot read this clone';
}

/** Runs a script of this repository as a user who owns nothing and has no home. */
export function runAsNobody(script: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
  const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const clean = { PATH: process.env.PATH, HOME: '/nonexistent', ...env };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [file, ...args],
      { env: clean, uid: NOBODY, gid: NOBODY, cwd: '/', timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr }),
    );
  });
}

/** {@link loadElsewhere} as {@link NOBODY}, who must be able to read the files. */
export async function loadAsNobody(files: string[], env: Record<string, string>): Promise<Loaded> {
  return loadedBy(await runAsNobody('__test__/fixtures/load.mjs', [JSON.stringify({ files })], env));
}
