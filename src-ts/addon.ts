// Finds the addon and loads it. Each thread, and each copy of this package in it, gets the same one.

import { join, resolve } from 'node:path';
import type { Addon } from './binding.js';
import { makeError } from './errors.js';
import { loadFailure } from './load-failure.js';
import { folder, PACKAGE, requireFrom, running, shippedFile, toldAddon } from './location.js';
import { VERSION } from './version.js';

/** The platform's names, as files and platform packages are called; which libc it has is seen from what there is. */
function platformNames(): string[] {
  const { platform, arch } = process;
  if (platform === 'linux') return [`linux-${arch}-gnu`, `linux-${arch}-musl`];
  return [platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`];
}

const fileName = (platform: string) => `${PACKAGE}.${platform}.node`;

/** The addon's file: the one that is named, a clone's, the one beside a bundle, or the platform package's. */
function findAddon(): string {
  if (toldAddon !== undefined) return resolve(toldAddon);
  for (const platform of platformNames()) {
    const file = shippedFile(join('native', fileName(platform))) ?? inPlatformPackage(platform);
    if (file !== undefined) return file;
  }
  throw loadFailure(undefined);
}

function inPlatformPackage(platform: string): string | undefined {
  // From the package's folder where there is one: other package managers put nothing above it.
  const from = folder === undefined ? running : join(folder, 'package.json');
  try {
    return requireFrom(from).resolve(`${PACKAGE}-${platform}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw loadFailure(undefined, error);
  }
}

function load(file: string): Addon {
  let addon: Addon;
  try {
    addon = requireFrom(file)(file) as Addon;
  } catch (error) {
    throw loadFailure(file, error);
  }
  const { version } = addon.buildInfo();
  if (version !== VERSION) {
    const details = { feature: 'native addon', reason: 'version', path: file, found: version, needed: VERSION };
    const message = `${file} is the addon of ${PACKAGE} ${version}, and this is ${VERSION}: put the addon of ${VERSION} in its place`;
    throw makeError('ERR_UNSUPPORTED', details, { message });
  }
  return addon;
}

/** The addon's file, for processes that load nothing else of this package. @internal */
export const addonFile = findAddon();

/** @internal */
export const addon = load(addonFile);
