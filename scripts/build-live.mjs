// The live page of the server: `src-live` into `dist/live`, with uPlot in its one script and one style sheet, so that
// those who install the package install nothing for it.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readJson, root, tool } from './lib.mjs';

const source = path.join(root, 'src-live');
const target = path.join(root, 'dist', 'live');

/** After TypeScript: the page has the server's types. */
export async function buildLive() {
  await tool('typescript', 'tsc', ['-p', path.join('src-live', 'tsconfig.json')]);
  const { build } = await import('esbuild'); // not there before the packages are
  mkdirSync(target, { recursive: true });
  const { version } = readJson('node_modules/uplot/package.json');
  const licence = readFileSync(path.join(root, 'node_modules', 'uplot', 'LICENSE'), 'utf8').trim();
  await build({
    entryPoints: [path.join(source, 'live.ts'), path.join(source, 'live.css')],
    outdir: target,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    // uPlot's licence asks for its notice, wherever its code goes.
    banner: { js: `/*! With uPlot ${version}.\n\n${licence} */` },
    logLevel: 'warning',
  });
  for (const name of ['live.html', 'live.svg']) copyFileSync(path.join(source, name), path.join(target, name));
}
