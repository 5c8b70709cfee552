// Zig as a linker: it has the names of every glibc at hand, so that the addon needs no newer one than its package says.
// Debian's own linker takes those of the machine it runs on, and the addon then loads on nothing older.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ask, Failure, readJson, root } from './lib.mjs';

/** The oldest glibc that the package promises, as `2.28`; undefined on platforms without. */
export function glibcFloor(platform) {
  const manifest = `npm/${platform}/package.json`;
  if (!existsSync(path.join(root, manifest))) return undefined;
  return readJson(manifest).engines.glibc?.replace('>=', '');
}

/** Zig's command, from PyPI's `ziglang` (in `target/zig`, or in this system's Python) or the path. */
export function zigCommand() {
  const venv = path.join(root, 'target', 'zig', 'bin', 'python');
  const candidates = [[venv, '-m', 'ziglang'], ['python3', '-m', 'ziglang'], ['zig']];
  return candidates.find(([command, ...args]) => ask(command, [...args, 'version']) !== undefined);
}

/** The unwinder that every process with glibc has. */
function libgcc() {
  const file = ask(process.env.CC ?? 'cc', ['-print-file-name=libgcc_s.so.1']);
  if (file === undefined || !path.isAbsolute(file)) throw new Failure('no libgcc_s.so.1 (apt-get install gcc)');
  return file;
}

/** rustc's flags and the environment for a link against `glibc`. */
export function zigLinking([zig, ...words], glibc, arch) {
  return {
    flags: ['-C', `linker=${path.join(root, 'scripts', 'zig-linker.sh')}`],
    env: {
      ZIG: zig,
      ZIG_ARGUMENTS: words.join(' '),
      ZIG_TARGET: `${arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu.${glibc}`,
      ZIG_LIBGCC: libgcc(),
    },
  };
}
