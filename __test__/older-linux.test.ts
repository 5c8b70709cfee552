// The packed tarballs on an older Linux: Debian 11, with Node from npm, in a root of its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readmeExamples, ROOT as root } from './package-support.js';

const debian = join(root, 'target', 'debian-11');
const node = join(root, 'target', 'node24', 'node_modules', 'node', 'bin', 'node');

const missing =
  process.getuid?.() !== 0
    ? 'only root may enter another root'
    : ([debian, node].find((file) => !existsSync(file)) ?? undefined);

/** Runs Node in Debian 11. */
function run(args: string[], cwd: string) {
  const script = 'cd "$0" && exec /opt/node "$@"';
  const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/root' };
  const result = spawnSync('chroot', [debian, '/bin/sh', '-c', script, cwd, ...args], { encoding: 'utf8', env });
  if (result.error) throw result.error;
  return result;
}

describe.skipIf(missing !== undefined)(`on Debian 11 (${missing ?? 'there'})`, () => {
  let work: string;
  let project: string;

  beforeAll(() => {
    work = mkdtempSync(join(debian, 'riptide-wasm-'));
    execFileSync(process.execPath, [join(root, 'scripts', 'pack.mjs'), join(work, 'packed')], {
      cwd: root,
      stdio: 'pipe',
    });
    const tarballs = readdirSync(join(work, 'packed')).map((file) => join(work, 'packed', file));
    mkdirSync(join(work, 'project'));
    writeFileSync(join(work, 'project', 'package.json'), '{ "private": true }\n');
    const install = ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', ...tarballs];
    execFileSync('npm', install, { cwd: join(work, 'project'), stdio: 'pipe' });
    cpSync(node, join(debian, 'opt', 'node'));
    project = `${work.slice(debian.length)}/project`;
  }, 120_000);

  afterAll(() => {
    if (work !== undefined) rmSync(work, { recursive: true, force: true });
  });

  test('is an older system than this one', () => {
    const report = 'process.report.getReport().header.glibcVersionRuntime';
    expect(run(['-p', report], '/').stdout.trim()).toBe('2.31');
  });

  test.each(readmeExamples())(
    'the README’s example of $name runs',
    ({ code, output }) => {
      writeFileSync(join(work, 'project', 'example.mjs'), code);
      const { stdout, stderr, status } = run(['example.mjs'], project);
      expect([stderr, status]).toEqual(['', 0]);
      expect(stdout.trim().split('\n')).toEqual(output);
    },
    60_000,
  );
});
