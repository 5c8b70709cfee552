// The addon as it is packed: what it needs of a system, and what it says of the machine it was built on.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const shipped = process.platform === 'linux' && process.arch === 'x64';

interface Facts {
  bytes: number;
  glibc: string;
  symbols: string[];
  paths: string[];
  zig?: string;
}

function factsOf(...file: string[]): Facts {
  return JSON.parse(
    execFileSync(process.execPath, [join(root, 'scripts/addon-facts.mjs'), ...file], { encoding: 'utf8' }),
  );
}

const minor = (version = ''): number => Number(version.split('.')[1]);

describe.runIf(shipped)('the addon', () => {
  const facts = factsOf();

  test('is stripped, and smaller than 22 MB', () => {
    expect(facts.symbols).toEqual([]);
    expect(facts.bytes).toBeLessThanOrEqual(22_000_000);
  });

  test('holds no path of the machine that built it', () => {
    expect(facts.paths).toEqual([]);
  });

  test('needs no glibc newer than its package says, and the loader', ({ skip }) => {
    const { engines } = JSON.parse(readFileSync(join(root, 'npm/linux-x64-gnu/package.json'), 'utf8'));
    const said = readFileSync(join(root, 'src-ts/load-failure.ts'), 'utf8').match(/OLDEST_GLIBC = '([\d.]+)'/)?.[1];
    expect(engines.glibc).toBe(`>=${said}`);
    expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`glibc ${said} or later`);
    skip(facts.zig === undefined, 'there is no zig, which links it for older systems: pip install ziglang');
    expect(facts.glibc).toMatch(/^2\.\d+$/);
    expect(minor(facts.glibc)).toBeLessThanOrEqual(minor(said));
  });

  test('is read right: Node itself is not stripped and needs what it needs', () => {
    const node = factsOf(process.execPath);
    expect(node.glibc).toMatch(/^2\.\d+$/);
    expect(node.bytes).toBe(readFileSync(process.execPath).length);
  });
});
