// Other ways to a first instance of the extractor. They are not dependencies of this package: they are installed into
// `target/peers` when they are measured first.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = path.join(here, '..', 'target', 'peers');
const JCO = '1.35.0';
// The release of PyPI's `wasmtime` that holds the Wasmtime inside this package, but for its patches.
const WASMTIME = '48.0.0';
const PAGE = '<title>Tides</title><p>Spring tides follow the full moon.</p>';

/**
 * The peers that can be had, each with a `start` that takes the milliseconds from a file to its first instance in a
 * process of its own; and those that cannot, each with the reason. `note` is told what takes long.
 */
export async function findPeers(component, note) {
  mkdirSync(folder, { recursive: true });
  const found = [];
  const missing = [];
  for (const [name, prepare] of Object.entries({ "Wasmtime's `Config::cache`": wasmtime, V8: v8, jco })) {
    try {
      const command = await prepare(component, note);
      found.push({ name, start: () => start(command) });
    } catch (error) {
      missing.push(`${name}: ${reason(error)}`);
    }
  }
  return { found, missing };
}

/** The first line of an error in what a program wrote: npm and pip explain themselves at length after it. */
function reason(error) {
  const lines = String(error.stderr || error.message)
    .trim()
    .split('\n');
  return lines.find((line) => /error/i.test(line)) ?? lines[0];
}

/** Each proves that its instance is real: it extracts a page afterwards, outside its time. */
function start([program, ...args]) {
  const { millis, title } = JSON.parse(execFileSync(program, [...args, PAGE], { encoding: 'utf8' }));
  if (title !== 'Tides') throw new Error(`${args[0]} says that the title is ${JSON.stringify(title)}`);
  return millis;
}

/** A Python that has PyPI's `wasmtime`. */
export function wasmtimePython(note) {
  mkdirSync(folder, { recursive: true });
  const python = path.join(folder, 'python');
  const program = path.join(python, 'bin', 'python');
  if (!existsSync(path.join(python, WASMTIME))) {
    note(`installing wasmtime ${WASMTIME} of PyPI into target/peers`);
    quietly('python3', ['-m', 'venv', python]);
    quietly(program, ['-m', 'pip', 'install', '--quiet', `wasmtime==${WASMTIME}`]);
    writeFileSync(path.join(python, WASMTIME), '');
  }
  return program;
}

function wasmtime(component, note) {
  const program = wasmtimePython(note);
  const settings = path.join(folder, 'cache.toml');
  writeFileSync(settings, `[cache]\ndirectory = ${JSON.stringify(path.join(folder, 'wasmtime-cache'))}\n`);
  const command = [program, path.join(here, 'peer-wasmtime.py'), component, settings];
  start(command); // fills its cache
  return command;
}

async function v8(component, note) {
  const script = await transpiled(component, note);
  return [process.execPath, path.join(here, 'peer-v8.mjs'), path.join(path.dirname(script), 'extractor.core.wasm')];
}

async function jco(component, note) {
  return [process.execPath, path.join(here, 'peer-jco.mjs'), await transpiled(component, note)];
}

/** A package of npm in `target/peers`: its folder. */
export function installed(name, version, note) {
  mkdirSync(folder, { recursive: true });
  const at = path.join(folder, 'node_modules', ...name.split('/'));
  const manifest = path.join(at, 'package.json');
  if (!existsSync(manifest) || JSON.parse(readFileSync(manifest, 'utf8')).version !== version) {
    const project = path.join(folder, 'package.json');
    if (!existsSync(project)) writeFileSync(project, '{ "private": true, "type": "module" }\n');
    note(`installing ${name} ${version} of npm into target/peers`);
    quietly('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', `${name}@${version}`]);
  }
  return at;
}

/** The component as jco makes JavaScript and a core module of it: beforehand, and not part of its time. */
export async function transpiled(component, note) {
  const api = installed('@bytecodealliance/jco', JCO, note);
  const { exports: entries } = JSON.parse(readFileSync(path.join(api, 'package.json'), 'utf8'));
  const { transpile } = await import(pathToFileURL(path.join(api, entries['.'].default)).href);
  const { files } = await transpile(readFileSync(component), { name: 'extractor' });
  const out = path.join(folder, 'extractor');
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
    writeFileSync(path.join(out, name), bytes);
  }
  return path.join(out, 'extractor.js');
}

function quietly(program, args) {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 });
}
