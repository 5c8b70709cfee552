// `npm run pack:all [-- FOLDER]`: the tarballs to publish, the package's and its platform package's.
//
// The package is packed from a copy whose manifest names the platform packages as optional dependencies, as `napi prepublish`
// would write it. In the clone they are left out: `npm ci` would look for versions that are not published yet.
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Failure, isMain, main, npm, readJson, root } from './lib.mjs';
import { setup } from './setup.mjs';

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

export async function pack(destination) {
  await setup();
  mkdirSync(destination, { recursive: true });
  const stage = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-pack-'));
  try {
    const manifest = publishedManifest();
    for (const entry of manifest.files) {
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
