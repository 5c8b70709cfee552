// `npm run pack:all [-- FOLDER] [--repository URL]`: the tarballs to publish, the package's and its platform package's.
//
// Each is packed from a copy. The package's manifest there names the platform packages as optional dependencies; in the
// clone they are left out: `npm ci` would look for versions that are not published yet. Where the repository is, only
// the one who publishes knows.
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { addonFacts } from './addon-facts.mjs';
import { addonFile, buildAddon, platformName } from './build-addon.mjs';
import { atLeast, Failure, isMain, main, npm, readJson, root } from './lib.mjs';
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

/** Where the repository at `url` is, and its issues and front page, as forges have them. */
export function repositoryFields(url) {
  // No user and password: they would be published.
  const web = /^https:\/\/[^\s/@]+(\/[^\s/?#]+){2,}$/.test(url) ? url.replace(/\.git$/, '') : undefined;
  if (web === undefined) {
    throw new Failure(
      '--repository: an https address without credentials is needed, such as https://example.com/owner/name',
    );
  }
  return {
    repository: { type: 'git', url: `git+${web}.git` },
    bugs: { url: `${web}/issues` },
    homepage: `${web}#readme`,
  };
}

/** The manifest as published: without what only a clone can use. */
export function publishedManifest() {
  const { scripts: _scripts, devDependencies: _devDependencies, ...manifest } = readJson('package.json');
  const optionalDependencies = {};
  for (const { manifest: platform } of platformPackages()) {
    if (platform.version !== manifest.version) {
      throw new Failure(`${platform.name} is of version ${platform.version}, the package of ${manifest.version}`);
    }
    optionalDependencies[platform.name] = platform.version;
  }
  return { ...manifest, optionalDependencies };
}

/** Refuses to pack an addon that would not load where its package says, or that tells where it was built. */
async function checkAddon() {
  const floor = glibcFloor(platformName());
  if (floor === undefined) return;
  const file = path.join(root, 'npm', platformName(), path.basename(addonFile()));
  const isOldEnough = ({ glibc }) => atLeast(floor, glibc.split('.').map(Number));
  let facts = addonFacts(file);
  if (!isOldEnough(facts)) {
    // Built before zig was there.
    await buildAddon();
    facts = addonFacts(file);
  }
  const { glibc, symbols, paths } = facts;
  if (!isOldEnough(facts)) {
    throw new Failure(`${file} needs glibc ${glibc}, its package says ${floor}: pip install ziglang, which links it`);
  }
  if (symbols.length > 0) throw new Failure(`${file} is not stripped: it has ${symbols.join(', ')}`);
  if (paths.length > 0) {
    throw new Failure(
      `${file} holds paths of this machine (${paths[0]}): build it in a new target folder, by npm run build:addon`,
    );
  }
}

/** Packs `files` of the folder `from` under `manifest`. */
async function packOne(manifest, from, files, destination) {
  const stage = mkdtempSync(path.join(tmpdir(), 'riptide-wasm-pack-'));
  try {
    // What begins with an exclamation mark is left out by npm.
    for (const entry of files.filter((entry) => !entry.startsWith('!'))) {
      const file = path.join(from, entry);
      if (!existsSync(file)) throw new Failure(`package.json lists ${entry}, which is not there`);
      cpSync(file, path.join(stage, entry), { recursive: true, filter: (source) => source !== forImage });
    }
    writeFileSync(path.join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await npm(['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', destination], { cwd: stage });
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** The tarballs into the folder `destination`; `url` is the repository's, where it is known. */
export async function pack(destination, url) {
  const where = url === undefined ? {} : repositoryFields(url);
  await setup();
  await checkAddon();
  mkdirSync(destination, { recursive: true });
  const manifest = publishedManifest();
  await packOne({ ...manifest, ...where }, root, manifest.files, destination);
  for (const { folder, manifest: platform } of platformPackages()) {
    const at = path.join(root, 'npm', folder);
    if (!existsSync(path.join(at, platform.main))) {
      console.log(`${platform.name}: not built on this machine, left out`);
      continue;
    }
    for (const license of ['LICENSE-MIT', 'LICENSE-APACHE'])
      copyFileSync(path.join(root, license), path.join(at, license));
    await packOne({ ...platform, ...where }, at, [...platform.files, 'README.md'], destination);
  }
}

/** `[FOLDER] [--repository URL]`. */
function given() {
  try {
    const { values, positionals } = parseArgs({ options: { repository: { type: 'string' } }, allowPositionals: true });
    if (positionals.length > 1) throw new Error(`one folder at most, not ${positionals.join(' and ')}`);
    return { folder: positionals[0] ?? path.join(root, 'target', 'packages'), repository: values.repository };
  } catch (error) {
    throw new Failure(`${error.message} (npm run pack:all -- [FOLDER] [--repository URL])`);
  }
}

if (isMain(import.meta.url)) {
  await main(() => {
    const { folder, repository } = given();
    return pack(path.resolve(process.env.INIT_CWD ?? '.', folder), repository);
  });
}
