// Makes a clone ready: tools, packages, addon, TypeScript. What is there already is left as it is, so a second run
// costs some milliseconds.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { addonIsCurrent, buildAddon } from './build-addon.mjs';
import { buildLive } from './build-live.mjs';
import { ask, atLeast, Failure, hashOf, isMain, main, npm, readJson, root, step, tool } from './lib.mjs';

const oldestNode = [20, 19];
const typeScriptSources = ['src-ts', 'src-live', 'scripts/build-live.mjs', 'tsconfig.json', 'package-lock.json'];
const typeScriptStamp = path.join(root, 'node_modules', '.cache', 'riptide-wasm', 'typescript.hash');

export function checkNode() {
  if (!atLeast(process.versions.node, oldestNode)) {
    throw new Failure(
      `Node ${oldestNode.join('.')} or later is needed; this is ${process.versions.node}. Install it from https://nodejs.org`,
    );
  }
}

/** The Rust toolchain and the C compiler, which links; `components` are cargo's subcommands. */
export function checkBuildTools(components = []) {
  const toolchain =
    readFileSync(path.join(root, 'rust-toolchain.toml'), 'utf8').match(/channel *= *"([^"]+)"/)?.[1] ?? 'stable';
  const cargo = ask('cargo', ['--version']);
  if (cargo === undefined) {
    const rustup = ask('rustup', ['--version']) !== undefined;
    throw new Failure(
      rustup
        ? `Rust ${toolchain} is not installed. Run: rustup toolchain install ${toolchain} --component rustfmt,clippy`
        : 'Rust is not installed, and the addon is built with it. Install it from https://rustup.rs, then run this again',
    );
  }
  const version = cargo.match(/\d+\.\d+/)?.[0] ?? '0.0';
  if (!atLeast(version, toolchain.split('.').map(Number))) {
    throw new Failure(`Rust ${toolchain} or later is needed; this is ${cargo}. Install it from https://rustup.rs`);
  }
  for (const component of components) {
    if (ask('cargo', [component, '--version']) === undefined) {
      const name = component === 'fmt' ? 'rustfmt' : component;
      throw new Failure(`cargo ${component} is missing. Run: rustup component add ${name} --toolchain ${toolchain}`);
    }
  }
  const compiler = process.env.CC ?? 'cc';
  if (process.platform !== 'win32' && ask(compiler, ['--version']) === undefined) {
    const hint =
      process.platform === 'darwin'
        ? 'xcode-select --install'
        : 'apt-get install gcc libc6-dev (or your system’s package)';
    throw new Failure(`No C compiler (\`${compiler}\`), which Rust needs for linking. Install one: ${hint}`);
  }
}

/** Whether what npm put in `node_modules` is what the lock file says; entries of other platforms don't count. */
export function packagesAreCurrent() {
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(readJson('package-lock.json').packages).every(([name, entry]) => {
    if (name === '') return true;
    const found = have[name];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/** `npm ci`: exactly the lock file, and no package's scripts. */
export function installPackages() {
  return npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
}

export function typeScriptIsCurrent() {
  return (
    existsSync(path.join(root, 'dist', 'index.js')) &&
    existsSync(typeScriptStamp) &&
    readFileSync(typeScriptStamp, 'utf8') === hashOf(typeScriptSources)
  );
}

/** What this compilation did not write comes from a source that was renamed or removed, and must not be packed. */
function removeOlder(folder, than) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) removeOlder(file, than);
    // A second's tolerance: some file systems keep no more.
    else if (statSync(file).mtimeMs < than - 1000) rmSync(file);
  }
}

export async function buildTypeScript() {
  const hash = hashOf(typeScriptSources);
  const started = Date.now();
  await tool('typescript', 'tsc', ['-p', 'tsconfig.json']);
  await buildLive();
  removeOlder(path.join(root, 'dist'), started);
  mkdirSync(path.dirname(typeScriptStamp), { recursive: true });
  writeFileSync(typeScriptStamp, hash);
}

export async function setup() {
  checkNode();
  if (!addonIsCurrent()) checkBuildTools();
  if (!packagesAreCurrent()) await step('Installing packages (npm ci)', installPackages);
  if (!addonIsCurrent()) {
    await step('Building the addon (the first time compiles Wasmtime: some minutes)', buildAddon);
  }
  if (!typeScriptIsCurrent()) await step('Compiling TypeScript', buildTypeScript);
}

if (isMain(import.meta.url)) {
  await main(process.argv.includes('--typescript') ? buildTypeScript : setup);
}
