// Builds the addon with cargo and puts it where the loader looks.
//
// `napi build` is not used for this: it always names a target, and so a target folder of its own, and Wasmtime would be
// compiled a second time for the Rust tests.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ask, cargo, Failure, hashOf, isMain, main, readJson, root } from './lib.mjs';
import { glibcFloor, zigCommand, zigLinking } from './zig.mjs';

// Everything that changes the binary; the guest's manifest is here because the addon reports the guest's hash.
const sources = [
  'Cargo.toml',
  'Cargo.lock',
  'build.rs',
  'rust-toolchain.toml',
  '.cargo/config.toml',
  'crates/accounting',
  'crates/encoding',
  'crates/runtime',
  'crates/node',
  'crates/extractor/dist/manifest.json',
  'scripts/build-addon.mjs',
  'scripts/rustc.sh',
  'scripts/zig.mjs',
  'scripts/zig-linker.sh',
];

function isMusl() {
  return process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
}

/** The platform's name as the loader spells it: `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc`. */
export function platformName() {
  const { platform, arch } = process;
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`;
  if (platform === 'win32') return `win32-${arch}-msvc`;
  return `${platform}-${arch}`;
}

export function addonFile() {
  return path.join(root, 'native', `${readJson('package.json').name}.${platformName()}.node`);
}

function libraryName() {
  if (process.platform === 'win32') return 'riptide_wasm_node.dll';
  return `libriptide_wasm_node.${process.platform === 'darwin' ? 'dylib' : 'so'}`;
}

/** True where the addon in `native/` was built from the sources as they are. */
export function addonIsCurrent() {
  const file = addonFile();
  const stamp = `${file}.hash`;
  return existsSync(file) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hashOf(sources);
}

/** Replaces a file by renaming: overwriting a mapped library would crash the processes that run it. */
function replace(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  const beside = `${to}.${process.pid}.tmp`;
  copyFileSync(from, beside);
  renameSync(beside, to);
}

export async function buildAddon() {
  // Taken before the build: a file that changes meanwhile leaves the stamp stale, not wrong.
  const hash = hashOf(sources);
  const env = {};
  // Across crates: Wasmtime compiles guests in five sixths of the time, and the binary is smaller.
  const flags = ['-C', 'strip=symbols', '-C', 'lto=fat', '-C', 'embed-bitcode=yes'];
  const glibc = glibcFloor(platformName());
  const zig = glibc && zigCommand();
  if (zig) {
    const linking = zigLinking(zig, glibc, process.arch);
    flags.push(...linking.flags);
    Object.assign(env, linking.env);
  } else if (glibc) {
    console.log(`No zig: the addon will need this system's glibc, too new a one to be packed. pip install ziglang`);
  }
  // The one profile: the Rust tests then find every dependency built. The flags are this crate's alone.
  await cargo(['rustc', '--release', '--locked', '-p', 'riptide-wasm-node', '--lib', '--', ...flags], { env });
  const metadata = ask('cargo', ['metadata', '--format-version', '1', '--no-deps', '--offline']);
  if (metadata === undefined) throw new Failure('cargo metadata failed');
  const built = path.join(JSON.parse(metadata).target_directory, 'release', libraryName());
  const file = addonFile();
  replace(built, file);
  const platformPackage = path.join(root, 'npm', platformName());
  if (existsSync(platformPackage)) replace(file, path.join(platformPackage, path.basename(file)));
  writeFileSync(`${file}.hash`, hash);
}

if (isMain(import.meta.url)) await main(buildAddon);
