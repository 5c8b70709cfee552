// Where the files of this package are: in its own folder, or, in a bundle, beside the bundle or where it is installed.

import { existsSync, readFileSync } from 'node:fs';
import nodeModule from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeError } from './errors.js';

/** Node's `require` for a file. Webpack would put its own in the place of a `createRequire` imported by name. @internal */
export const requireFrom = (file: string): NodeJS.Require => nodeModule.createRequire(file);

/** @internal */
export const PACKAGE = 'riptide-wasm';

/** Where Bun has what it compiled into an executable. */
const INSIDE_EXECUTABLE = /^(?:\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/;

const isRefused = (error: unknown): boolean => (error as { code?: unknown }).code === 'ERR_ACCESS_DENIED';

/** Whether there is a file or folder that Node's permission model lets this process see. @internal */
export function isVisible(path: string): boolean {
  try {
    return existsSync(path);
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

/**
 * What a file of this package is found to be.
 *
 * @throws RiptideError `ERR_UNSUPPORTED` where Node's permission model refuses to look
 * @internal
 */
export function readable<T>(path: string, look: (path: string) => T): T {
  try {
    return look(path);
  } catch (error) {
    if (!isRefused(error)) throw error;
    const details = { feature: 'file access', reason: 'permission', path, needed: '--allow-fs-read' };
    const message = `Node's permission model refuses to read ${path}: start node with --allow-fs-read for the folder of ${PACKAGE} and that of its platform package`;
    throw makeError('ERR_UNSUPPORTED', details, { message, cause: error });
  }
}

/**
 * The file this code runs from. Bundlers leave out `import.meta.url` in CommonJS, or write the path of the build
 * machine in its place, so a path counts only where there is a file; the last ones are the program's own.
 */
function runningFile(): string {
  const url: unknown = import.meta.url;
  const module = typeof url === 'string' && url.startsWith('file:') ? fileURLToPath(url) : undefined;
  if (module !== undefined && INSIDE_EXECUTABLE.test(module)) return process.execPath;
  const candidates = [module, commonJsFile(), process.argv[1]];
  return candidates.find((file) => file !== undefined && isVisible(file)) ?? process.execPath;
}

function commonJsFile(): string | undefined {
  try {
    return __filename;
  } catch {
    return undefined; // an ES module has none; webpack takes a `typeof` for granted there
  }
}

function isPackage(folder: string): boolean {
  const manifest = join(folder, 'package.json');
  return isVisible(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === PACKAGE;
}

/** Where the package is installed for a bundle; `undefined` where it is not. */
function installedFolder(): string | undefined {
  try {
    return dirname(requireFrom(running).resolve(`${PACKAGE}/package.json`));
  } catch {
    return undefined;
  }
}

/** The file this code runs from: one of this package's own, or a bundle. @internal */
export const running = runningFile();

/** Whether the program is an executable of its own, which cannot be started as Node or Bun. @internal */
export const insideExecutable = running === process.execPath;

const above = dirname(dirname(running));

/** Whether a bundler put this code into a file of its own. @internal */
export const bundled = !isPackage(above);

/** This package's folder; `undefined` in a bundle that runs where the package is not installed. @internal */
export const folder = bundled ? installedFolder() : above;

/** The addon that the environment names. @internal */
export const configuredAddon = process.env.RIPTIDE_WASM_ADDON;

/**
 * A file that ships with this package, by its path in the package's folder; in a bundle it may lie beside the bundle,
 * or beside the addon that the environment names. `undefined` where there is none.
 *
 * @throws RiptideError `ERR_UNSUPPORTED` where Node's permission model refuses to look
 * @internal
 */
export function shippedFile(inPackage: string): string | undefined {
  const beside =
    configuredAddon === undefined ? [dirname(running)] : [dirname(resolve(configuredAddon)), dirname(running)];
  const candidates = bundled ? beside.map((each) => join(each, basename(inPackage))) : [];
  if (folder !== undefined) candidates.push(join(folder, inPackage));
  return candidates.find((file) => readable(file, existsSync));
}
