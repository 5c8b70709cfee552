// Tells whether the committed builds of the guest belong to its source. Needs no compiler.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dist, sha256, sourceHash, variants } from './guest-hash.mjs';

function fault() {
  const path = join(dist, 'manifest.json');
  if (!existsSync(path)) return 'there is no crates/extractor/dist/manifest.json';
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  for (const name of variants) {
    const variant = manifest.variants?.[name];
    if (!variant) return `the manifest has no ${name} build`;
    const file = join(dist, variant.file);
    if (!existsSync(file)) return `there is no crates/extractor/dist/${variant.file}`;
    const found = sha256(readFileSync(file));
    if (found !== variant.sha256)
      return `${variant.file} is not the file the manifest was written for (sha256 ${found})`;
  }
  if (manifest.sourceHash !== sourceHash()) return 'its source changed after it was built';
  return undefined;
}

const found = fault();
if (found) {
  console.error(`guest: ${found}; run \`npm run build:guest\``);
  process.exitCode = 1;
} else {
  console.log('guest: dist/ belongs to its source');
}
