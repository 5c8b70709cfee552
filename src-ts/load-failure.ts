// Why the addon was not found, or does not load, and the one thing to do about it.

import { join } from 'node:path';
import { makeError, type RiptideError } from './errors.js';
import { bundled, folder, isVisible, PACKAGE, running } from './location.js';
import { VERSION } from './version.js';

/** The oldest glibc that the published binary runs on. */
export const OLDEST_GLIBC = '2.28';

/** The version of Node-API that the addon asks for. */
const NODE_API = 9;

/** The platforms that binaries are published for. */
const PUBLISHED = ['linux-x64-gnu'];

/** One explanation; `reason` is stable, and stands in the error's details with the facts. */
interface Explanation {
  readonly reason: string;
  readonly message: string;
  readonly facts?: Readonly<Record<string, string>>;
}

/**
 * The error for an addon that is not there (`file` is `undefined`), or that does not load.
 * @internal
 */
export function loadFailure(file: string | undefined, cause?: unknown): RiptideError {
  const platform = platformName();
  const { reason, message, facts } = file === undefined ? notFound(platform) : notLoaded(file, platform, cause);
  const details = { feature: 'native addon', reason, platform, ...(file !== undefined && { path: file }), ...facts };
  return makeError('ERR_UNSUPPORTED', details, { message, ...(cause !== undefined && { cause }) });
}

/** Whether Node would crash on the addon, or refuse it: it knows too little of Node-API. @internal */
export const isNodeTooOld = (): boolean => Number(process.versions.napi) < NODE_API;

/** The version of glibc that runs; `undefined` on Linux with another libc. */
function glibc(): string | undefined {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime;
}

function platformName(): string {
  const { platform, arch } = process;
  if (platform === 'linux') return `linux-${arch}-${glibc() === undefined ? 'musl' : 'gnu'}`;
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`;
}

function unpublished(platform: string): Explanation {
  if (platform.endsWith('-musl')) {
    const message = `this Node runs on musl (Alpine), and the binary of ${PACKAGE} needs glibc ${OLDEST_GLIBC} or later: use an image with glibc, such as node:22-slim`;
    return { reason: 'musl', message, facts: { needed: `glibc ${OLDEST_GLIBC}` } };
  }
  const message = `there is no binary of ${PACKAGE} for ${platform}, only for ${PUBLISHED.join(', ')}: build it in a clone (npm run build:addon)`;
  return { reason: 'platform', message, facts: { needed: PUBLISHED.join(', ') } };
}

function notFound(platform: string): Explanation {
  const file = `${PACKAGE}.${platform}.node`;
  if (folder !== undefined && isVisible(join(folder, 'src-ts'))) {
    return { reason: 'not built', message: `native/${file} is not built: npm run build:addon` };
  }
  if (!PUBLISHED.includes(platform)) return unpublished(platform);
  const platformPackage = `${PACKAGE}-${platform}`;
  if (bundled) {
    const message =
      `${PACKAGE} is bundled into ${running} without its addon: mark it external (esbuild: --external:${PACKAGE}; for the others docs/bundling.md), ` +
      `or put ${file} of the package ${platformPackage} beside the bundle, or its path into RIPTIDE_WASM_ADDON`;
    return { reason: 'bundled', message, facts: { needed: file, package: platformPackage, bundle: running } };
  }
  const message =
    `the package ${platformPackage} is not installed: npm install ${platformPackage}@${VERSION} ` +
    '(npm leaves it out with --omit=optional, --no-optional, or a lock file that was written on another platform)';
  return { reason: 'platform package', message, facts: { package: platformPackage, needed: VERSION } };
}

function notLoaded(file: string, platform: string, cause: unknown): Explanation {
  if (isNodeTooOld()) return oldNode(`Node-API ${NODE_API}`);
  const { code, message: said = String(cause) } = cause as { code?: unknown; message?: string };
  if (code === 'ERR_DLOPEN_DISABLED') {
    // `process.permission` is there where the model is on.
    if ('permission' in process) {
      const message = "Node's permission model refuses addons: start node with --allow-addons";
      return { reason: 'permission', message, facts: { needed: '--allow-addons' } };
    }
    return { reason: 'permission', message: 'node was started with --no-addons: start it without' };
  }
  if (platform.endsWith('-musl') && !file.includes('-musl')) return unpublished(platform);
  return unfit(file, said) ?? { reason: 'unreadable', message: `${file} does not load: ${said}` };
}

/** What does not fit the addon: the libc, or Node. */
function unfit(file: string, said: string): Explanation | undefined {
  const libc = [...said.matchAll(/GLIBC_([\d.]+)' not found/g)].map(([, version]) => version as string);
  if (libc.length > 0) {
    const needed = [...libc, OLDEST_GLIBC].reduce((a, b) => (isOlder(a, b) ? b : a));
    const found = glibc() ?? 'unknown';
    const message = `this system has glibc ${found}, and ${PACKAGE} needs ${needed} or later: use a newer system or image`;
    return { reason: 'glibc', message, facts: { found, needed } };
  }
  const abi = /NODE_MODULE_VERSION (\d+)\. This version of Node\.js requires\s+NODE_MODULE_VERSION (\d+)/.exec(said);
  if (abi !== null) {
    const [, found = '', needed = ''] = abi;
    const message = `${file} was built for another Node (ABI ${found}, this is ${needed}) and is not ${PACKAGE}'s addon: put that in its place`;
    return { reason: 'abi', message, facts: { found, needed } };
  }
  const missing = /undefined symbol: (n(?:ode_)?api_\w+)/.exec(said)?.[1];
  return missing === undefined ? undefined : oldNode(missing);
}

function oldNode(needed: string): Explanation {
  const found = `Node-API ${process.versions.napi}`;
  const message = `this Node (${process.version}, ${found}) is without ${needed}, which ${PACKAGE} needs: use Node 20.19 or later`;
  return { reason: 'node', message, facts: { found, needed } };
}

/** Whether a version is older than another: numbers between dots. */
export function isOlder(a: string, b: string): boolean {
  const [numbers, others] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  const length = Math.max(numbers.length, others.length);
  for (let at = 0; at < length; at++) {
    const difference = (numbers[at] ?? 0) - (others[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
