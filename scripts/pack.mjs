// `npm run pack:all [-- FOLDER]`: the tarballs to publish, the package's and its platform package's.
//
// The package is packed from a copy whose manifest names the platform packages as optional dependencies, as `napi prepublish`
// would write it. In the clone they are left out: `npm ci` would look for versions that are not published yet.
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { addonFacts } from './addon-facts.mjs';
import { addonFile, buildAddon, platformName } from './build-addon.mjs';
import { Failure, isMain, main, npm, readJson, root } from './lib.mjs';
import { setup } from './setup.mjs';
import { glibcFloor } from './zig.mjs';

/** The platform packages of this version, by folder name. */
export function platformPackages() {
  return readdirSync(path.join(root, 'npm'))
    .filter((folder) => existsSync(path.join(root, 'npm', folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readJson(`npm/${folder}/package.json`) }));
}

/** Where the image's build looks for tarballs: `npm run pack:all -- deploy/packages`. Those are no part of the next ones. */
const forImage = path.join(root, 'deploy', 'packages');

/** The manifest as published: without what only a clone can use. */
export function publishedManifest() {
  const {
    scripts: _scripts,
    devDependencies: _devDependencies,
    napi: _napi,
    overrides: _overrides,
    ...manifest
  } = readJson('package.json');
  const optionalDependencies = {};
  for (const { manifest: platform } of platformPackages()) {
    if (platform.version !== manifest.version) {
      throw new Failure(`${platform.name} is of version ${platform.version}, the package of ${manifest.version}`);
    }
    optionalDependencies[platform.name] = platform.version;
  }
  return { ...manifest, optionalDependencies };
}

/** Whether a version of glibc, as `2.34`, is newer than another. */
function newer(version, floor) {
  const [major, minor] = version.split('.').map(Number);
  const [oldMajor, oldMinor] = floor.split('.').map(Number);
  return major > oldMajor || (major === oldMajor && minor > oldMinor);
}

/** Refuses to pack an addon that would not load where its package says, or that tells where it was built. */
async function checkAddon() {
  const floor = glibcFloor(platformName());
  if (floor === undefined) return;
  // One that was built before zig was there.
  if (newer(addonFacts().glibc, floor)) await buildAddon();
  const { glibc, symbols, paths } = addonFacts();
  if (newer(glibc, floor)) {
    throw new Failure(
      `${addonFile()} needs glibc ${glibc}, its package says ${floor}: pip install ziglang, which links it`,
    );
  }
  if (symbols.length > 0) throw new Failure(`${addonFile()} is not stripped: it has ${symbols.join(', ')}`);
  if (paths.length > 0) {
    throw new Failure(`${addonFile()} holds paths of this machine (${paths[0]}): build it in a new target folder`);
  }
}

export async function pack(destination) {
  await setup();
  await checkAddon();
  mkdirSync(destination, { recursive: true });
  const stage = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-pack-'));
  try {
    const manifest = publishedManifest();
    for (const entry of manifest.files.filter((entry) => !entry.startsWith('!'))) {
      const from = path.join(root, entry);
      if (!existsSync(from)) throw new Failure(`package.json lists ${entry}, which is not there`);
      cpSync(from, path.join(stage, entry), { recursive: true, filter: (source) => source !== forImage });
    }
    writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    const args = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', destination];
    await npm(args, { cwd: stage });
    for (const { folder, manifest: platform } of platformPackages()) {
      const at = path.join(root, 'npm', folder);
      if (!existsSync(path.join(at, platform.main))) {
        console.log(`${platform.name}: not built on this machine, left out`);
        continue;
      }
      for (const license of ['LICENSE-MIT', 'LICENSE-APACHE'])
        copyFileSync(path.join(root, license), path.join(at, license));
      await npm(args, { cwd: at });
    }
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  await main(() =>
    pack(path.resolve(process.env.INIT_CWD ?? '.', process.argv[2] ?? path.join(root, 'target', 'packages'))),
  );
}
