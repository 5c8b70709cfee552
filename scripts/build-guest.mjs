// Builds the guest twice, with and without SIMD, and writes the components and their manifest to crates/extractor/dist.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { dist, linkArgs, root, sha256, simdFlags, sourceHash, variants } from './guest-hash.mjs';

const target = 'wasm32-unknown-unknown';
const targetDir = resolve(root, process.env.CARGO_TARGET_DIR ?? 'target');

class BuildError extends Error {}

function run(command, args, env = {}) {
  return execFileSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  }).trim();
}

/** What a compiler is and has, or nothing if it is not there. */
function compiler(cargo, rustc) {
  try {
    const sysroot = execFileSync(rustc, ['--print', 'sysroot'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      encoding: 'utf8',
    }).trim();
    const verbose = run(rustc, ['-vV']);
    const host = verbose.match(/^host: (.*)$/m)[1];
    const source = join(sysroot, 'lib/rustlib/src/rust/library');
    return {
      cargo,
      rustc,
      sysroot,
      version: run(rustc, ['-V']),
      commit: verbose.match(/^commit-hash: (.*)$/m)?.[1],
      hasTarget: existsSync(join(sysroot, 'lib/rustlib', target, 'lib')),
      source: existsSync(source) ? source : undefined,
      lld: [join(sysroot, 'lib/rustlib', host, 'bin/rust-lld')].find((path) => existsSync(path)),
    };
  } catch {
    return undefined;
  }
}

/** The compiler to use: one with the wasm standard library, else Debian's, which builds that library from its source. */
function chooseToolchain() {
  const usual = compiler('cargo', 'rustc');
  // rustup's commands come first on PATH; Debian's are reached by their full names.
  const debian = compiler('/usr/bin/cargo', '/usr/bin/rustc');
  const ready = [usual, debian].find((one) => one?.hasTarget);
  if (ready) return { ...ready, args: [], env: {} };
  if (!debian?.source) {
    throw new BuildError(
      `no Rust compiler for ${target}: run \`rustup target add ${target}\`, or on Debian ` +
        '`apt-get install --no-install-recommends rustc-web cargo-web rust-web-src`',
    );
  }
  const linker = debian.lld ?? usual?.lld;
  if (!linker) throw new BuildError('no rust-lld to link with: it comes with any toolchain that rustup installs');
  return {
    ...debian,
    args: ['-Zbuild-std=std,panic_abort'],
    // `-Z` is for nightly compilers; a stable one takes it when bootstrapping.
    env: { RUSTC_BOOTSTRAP: '1', CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker },
  };
}

/** Panic messages hold file names; these flags take the machine out of them, so that builds are alike anywhere. */
function remapFlags(toolchain) {
  const cargoHome = resolve(process.env.CARGO_HOME ?? join(homedir(), '.cargo'));
  const prefixes = [
    [cargoHome, '/cargo'],
    // The last prefix that fits counts. Below this one, folders are named after the registry's address.
    ...foldersIn(join(cargoHome, 'registry/src')).map((folder) => [folder, '/cargo/registry']),
    [root, '/riptide-wasm'],
    [toolchain.sysroot, '/rust'],
  ];
  if (toolchain.source) prefixes.push([join(toolchain.source, '..'), `/rustc/${toolchain.commit ?? 'source'}`]);
  return prefixes
    .flatMap(([from, to]) => [...new Set([from, realpathSync(from)])].map((path) => [path, to]))
    .map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
}

function foldersIn(folder) {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function buildCore(toolchain, variant, flags) {
  const out = join(targetDir, `guest-${variant}`);
  // The crate type is set here and not in Cargo.toml: a host's linker refuses the names a component exports.
  const args = [
    'rustc',
    '--locked',
    '-p',
    'riptide-extractor',
    '--lib',
    '--crate-type',
    'cdylib',
    '--profile',
    'guest',
  ];
  args.push('--target', target, '--target-dir', out, ...toolchain.args);
  run(toolchain.cargo, args, {
    ...toolchain.env,
    RUSTC: toolchain.rustc,
    // Replaces the flags of .cargo/config.toml, which the scalar build must not have.
    CARGO_ENCODED_RUSTFLAGS: [...flags, ...remapFlags(toolchain)].join('\x1f'),
  });
  return join(out, target, 'guest/riptide_extractor.wasm');
}

/** No path of this machine may ship. */
function refusePaths(file, toolchain) {
  const text = readFileSync(file, 'latin1');
  const found = [root, homedir(), toolchain.sysroot, toolchain.source && realpathSync(toolchain.source), targetDir]
    .filter((path) => path && path.length > 4)
    // What would be named are files in it; `/root` by itself may end a name of ours.
    .find((path) => text.includes(`${path}/`) || text.includes(`${path}\\`));
  if (found) throw new BuildError(`${file} holds the path ${found} of this machine`);
}

function main() {
  const toolchain = chooseToolchain();
  console.log(`guest: ${toolchain.version}`);
  const hash = sourceHash();
  const manifest = { sourceHash: hash, toolchain: toolchain.version, target, variants: {} };
  const built = [];
  mkdirSync(dist, { recursive: true });
  for (const variant of variants) {
    const flags = [...(variant === 'simd' ? simdFlags() : []), ...linkArgs.map((arg) => `-Clink-arg=${arg}`)];
    const started = Date.now();
    const core = buildCore(toolchain, variant, flags);
    const file = `extractor.${variant}.wasm`;
    const made = join(targetDir, file);
    // The host's compiler; flags meant for the guest stay away from it.
    run('cargo', [
      'run',
      '--locked',
      '--quiet',
      '--release',
      '-p',
      'riptide-extractor',
      '--example',
      'componentize',
      '--',
      variant,
      core,
      made,
    ]);
    refusePaths(made, toolchain);
    const bytes = readFileSync(made);
    built.push([made, file]);
    manifest.variants[variant] = { file, flags, bytes: bytes.length, sha256: sha256(bytes) };
    console.log(`guest: ${file}, ${bytes.length} bytes, ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
  if (sourceHash() !== hash) throw new BuildError('the source changed during the build; run it again');
  // Only now: a build that stops half-way leaves what was there.
  for (const [made, file] of built) copyFileSync(made, join(dist, file));
  writeFileSync(join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

try {
  main();
} catch (error) {
  // A failed command has already said why.
  console.error(
    `guest: ${error instanceof BuildError || error.status === undefined ? error.message : 'the build failed'}`,
  );
  process.exitCode = 1;
}
