// What every script here shares. Node only: these run before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

// rustup's folder is often missing from the PATH of a shell that was open while Rust was installed.
const cargoBin = path.join(process.env.CARGO_HOME ?? path.join(homedir(), '.cargo'), 'bin');
if (existsSync(cargoBin) && !(process.env.PATH ?? '').split(path.delimiter).includes(cargoBin)) {
  process.env.PATH = `${process.env.PATH ?? ''}${path.delimiter}${cargoBin}`;
}

/** An expected failure: one line for the user, no stack. */
export class Failure extends Error {}

export function readJson(file) {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'));
}

export function seconds(millis) {
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)} s`;
  const whole = Math.round(millis / 1000);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** Runs a program with its output passing through; rejects with a `Failure` naming the command. */
export function run(command, args, { env, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const shown = [path.basename(command), ...args].join(' ');
    child.on('error', (error) => reject(new Failure(`${shown}: ${error.message}`)));
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Failure(`\`${shown}\` ${signal ? `was ended by ${signal}` : `exited with ${code}`}`));
    });
  });
}

/** Runs cargo, whose compiler leaves this machine's paths out of what it makes; a RUSTC_WRAPPER of yours runs behind that. */
export function cargo(args, { env } = {}) {
  if (process.platform === 'win32') return run('cargo', args, { env });
  const wrapped = {
    NEXT_RUSTC_WRAPPER: process.env.RUSTC_WRAPPER ?? '',
    RUSTC_WRAPPER: path.join(root, 'scripts', 'rustc.sh'),
  };
  return run('cargo', args, { env: { ...wrapped, ...env } });
}

/** Runs npm with the npm that runs us, so that both are of one version. */
export function npm(args, options) {
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.c?js$/.test(cli)) return run(process.execPath, [cli, ...args], options);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}

/** Runs the main module of an installed development dependency. */
export function tool(packageName, binary, args, options) {
  const manifest = readJson(`node_modules/${packageName}/package.json`);
  const file = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[binary];
  return run(process.execPath, [path.join(root, 'node_modules', packageName, file), ...args], options);
}

/** What a program prints for `args`, or undefined where it can't be run. */
export function ask(command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Whether a version, as `2.28` or `20.19.1`, is that of the two numbers `wanted` or a later one. */
export function atLeast(version, wanted) {
  const parts = version.split('.').map(Number);
  return parts[0] > wanted[0] || (parts[0] === wanted[0] && parts[1] >= wanted[1]);
}

/** One hash over the names and contents of files and folders, `target` and `node_modules` left out. */
export function hashOf(entries) {
  const hash = createHash('sha256');
  const add = (file) => {
    if (!existsSync(file)) return;
    if (statSync(file).isDirectory()) {
      for (const name of readdirSync(file).sort()) {
        if (name !== 'target' && name !== 'node_modules') add(path.join(file, name));
      }
      return;
    }
    const content = readFileSync(file);
    hash.update(`${path.relative(root, file)}\0${content.length}\0`);
    hash.update(content);
  };
  for (const entry of entries) add(path.join(root, entry));
  return hash.digest('hex');
}

/** Prints a step's name before and its time after. */
export async function step(name, work) {
  const started = Date.now();
  console.log(`\n▸ ${name}`);
  await work();
  const took = Date.now() - started;
  console.log(`✓ ${name}: ${seconds(took)}`);
  return took;
}

/** Runs a script's main function and turns its failure into one line and an exit code. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof Failure ? `\n✗ ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Whether a script file was started directly, not imported. */
export function isMain(url) {
  return process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(url);
}
