#!/usr/bin/env bash
# webpack 5.113.0, ES-module output for Node: `typeof __filename === 'string'` is taken to be true while bundling, though an
# ES module has no `__filename`. The guard that makes such code safe in Node is cut away, and what it guarded throws.
#
# Seen, November 2026, Node 20.20:
#   source    undefined none
#   bundled   ReferenceError: __filename is not defined in ES module scope
#   bundled with `node: false`   undefined none
#
# It matters to code that runs as CommonJS and as an ES module.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts webpack@5.113.0

cat >source.mjs <<'JS'
const name = typeof __filename === 'string' ? __filename : 'none';
console.log(typeof __filename, name);
JS
cat >build.mjs <<'JS'
import webpack from 'webpack';

const shared = {
  mode: 'production',
  target: 'node20',
  entry: './source.mjs',
  experiments: { outputModule: true },
};
for (const [filename, more] of [['default.mjs', {}], ['off.mjs', { node: false }]]) {
  const output = { module: true, path: process.cwd(), filename };
  const stats = await new Promise((resolve, reject) => {
    webpack({ ...shared, output, ...more }, (error, made) => (error ? reject(error) : resolve(made)));
  });
  if (stats.hasErrors()) throw new Error(stats.toString());
}
JS
node build.mjs

expect() { # what, wanted, got
  if [ "$2" != "$3" ]; then
    echo "changed: $1 gives '$3', not '$2'" >&2
    exit 1
  fi
  echo "$1: $3"
}
last() { node "$1" 2>&1 | grep -m 1 -E '^(undefined|string|ReferenceError)' || true; }
expect 'source' 'undefined none' "$(last source.mjs)"
expect 'bundled' 'ReferenceError: __filename is not defined in ES module scope' "$(last default.mjs)"
expect 'bundled with node: false' 'undefined none' "$(last off.mjs)"
