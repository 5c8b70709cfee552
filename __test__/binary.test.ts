// The addon as it is packed: what it needs of a system, and what it says of the machine it was built on.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { isShipped, ROOT } from './package-support.js';
import { temporaryFolder } from './support.js';

interface Facts {
  bytes: number;
  glibc: string;
  symbols: string[];
  paths: string[];
  zig?: string;
}

function factsOf(...file: string[]): Facts {
  return JSON.parse(
    execFileSync(process.execPath, [join(ROOT, 'scripts/addon-facts.mjs'), ...file], { encoding: 'utf8' }),
  );
}

const minor = (version = ''): number => Number(version.split('.')[1]);

describe.runIf(isShipped)('the addon', () => {
  let facts: Facts;

  beforeAll(() => {
    facts = factsOf();
  });

  test('is stripped, and smaller than 22 MB', () => {
    expect(facts.symbols).toEqual([]);
    expect(facts.bytes).toBeLessThanOrEqual(22_000_000);
  });

  test('holds no path of the machine that built it', () => {
    expect(facts.paths).toEqual([]);
  });

  test('needs no glibc newer than its package says, and the loader', ({ skip }) => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'npm/linux-x64-gnu/package.json'), 'utf8'));
    const said = readFileSync(join(ROOT, 'src-ts/load-failure.ts'), 'utf8').match(/OLDEST_GLIBC = '([\d.]+)'/)?.[1];
    expect(engines.glibc).toBe(`>=${said}`);
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(`glibc ${said} or later`);
    skip(facts.zig === undefined, 'there is no zig, which links it for older systems: pip install ziglang');
    expect(facts.glibc).toMatch(/^2\.\d+$/);
    expect(minor(facts.glibc)).toBeLessThanOrEqual(minor(said));
  });

  test('is read right: so is a program that has what the addon must not have', () => {
    const folder = temporaryFolder();
    const [source, program] = [join(folder, 'program.c'), join(folder, 'program')];
    const place = join(ROOT, 'src-ts', 'index.ts');
    writeFileSync(source, `#include <stdio.h>\nint main(void) { return puts(${JSON.stringify(place)}) < 0; }\n`);
    execFileSync(process.env.CC ?? 'cc', ['-g', source, '-o', program]);
    const found = factsOf(program);
    expect(found.symbols).toContain('.symtab');
    expect(found.paths).toContain(place);
    expect(found.glibc).toMatch(/^2\.\d+$/);
    expect(found.bytes).toBe(readFileSync(program).length);
  });
});
