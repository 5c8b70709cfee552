// Finds the addon and loads it. Each thread, and each copy of this package in it, gets the same one.

import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Addon } from './binding.js';
import { makeError } from './errors.js';
import { isNodeTooOld, loadFailure } from './load-failure.js';
import { configuredAddon, folder, PACKAGE, readable, requireFrom, running, shippedFile } from './location.js';
import { badOption } from './options.js';
import { VERSION } from './version.js';

/** The platform's names, as files and platform packages are called; which libc it has is seen from what there is. */
function platformNames(): string[] {
  const { platform, arch } = process;
  if (platform === 'linux') return [`linux-${arch}-gnu`, `linux-${arch}-musl`];
  return [platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`];
}

const fileName = (platform: string) => `${PACKAGE}.${platform}.node`;

function isFile(path: string): boolean {
  try {
    return readable(path, (file) => statSync(file).isFile());
  } catch (error) {
    // The system's: no such file, a file where a folder should be, links in a circle.
    if ((error as NodeJS.ErrnoException).syscall === 'stat') return false;
    throw error;
  }
}

/** The addon's file: the one that is named, a clone's, the one beside a bundle, or the platform package's. */
function findAddon(): string {
  if (configuredAddon !== undefined) {
    const file = resolve(configuredAddon);
    // By another name Node would run the file as JavaScript.
    if (file.endsWith('.node') && isFile(file)) return file;
    throw badOption('RIPTIDE_WASM_ADDON', configuredAddon, `the path of ${platformNames().map(fileName).join(' or ')}`);
  }
  let missing: unknown;
  for (const platform of platformNames()) {
    const file = shippedFile(join('native', fileName(platform)));
    if (file !== undefined) return file;
    try {
      // From the package's folder where there is one: not every package manager puts the platform package above.
      return requireFrom(folder === undefined ? running : join(folder, 'package.json')).resolve(
        `${PACKAGE}-${platform}`,
      );
    } catch (error) {
      missing ??= error;
    }
  }
  throw loadFailure(undefined, missing);
}

function load(file: string): Addon {
  if (isNodeTooOld()) throw loadFailure(file);
  let addon: Addon;
  let version: string;
  try {
    addon = requireFrom(file)(file) as Addon;
    ({ version } = addon.buildInfo());
  } catch (error) {
    throw loadFailure(file, error);
  }
  if (version === VERSION) return addon;
  const details = { feature: 'native addon', reason: 'version', path: file, found: version, needed: VERSION };
  throw makeError('ERR_UNSUPPORTED', details, {
    message: `${file} is of ${PACKAGE} ${version}, and this is ${VERSION}: put the addon of ${VERSION} in its place`,
  });
}

/** The addon's file, for processes that load nothing else of this package. */
export const addonFile = findAddon();

/** @internal */
export const addon = load(addonFile);
