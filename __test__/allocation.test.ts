import { describe, expect, test } from 'vitest';
import type { EngineOptions } from '../dist/index.js';
import { run } from './support.js';

const GIB = 1024 * 1024; // in KiB, as `ulimit -v` counts
const STEPS = ['pooling-4gib', 'pooling-limit', 'on-demand'] as const;
type Step = (typeof STEPS)[number];

// glibc reserves 64 MiB for each thread, so that the cores of the machine would decide what is left.
const env = { MALLOC_ARENA_MAX: '2' };

// Other systems take no notice of `ulimit -v`.
describe.runIf(process.platform === 'linux')('in little address space', () => {
  const few: EngineOptions = { maxInstances: 2, maxMemoryPages: 256 };
  const cases: [string, number | undefined, EngineOptions, Step][] = [
    ['no limit', undefined, {}, 'pooling-4gib'],
    ['8 GB and few slots', 8 * GIB, { maxInstances: 8, maxMemoryPages: 1024 }, 'pooling-limit'],
    ['2 GB and few slots', 2 * GIB, few, 'pooling-limit'],
    ['1.5 GB and few slots', 1.5 * GIB, few, 'pooling-limit'],
    ['1.5 GB', 1.5 * GIB, {}, 'on-demand'],
  ];
  test.each(cases)('(%s) everything works, and the step is named', async (_, limit, options, step) => {
    const limited = limit === undefined ? {} : { addressSpace: limit };
    const ended = await run('__test__/fixtures/core-suite.mjs', [JSON.stringify(options)], { env, ...limited });
    expect({ code: ended.code, stderr: ended.stderr.replace(/^\(.*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
    const { allocation, passed, warnings } = JSON.parse(ended.stdout) as Record<string, string[] | string>;
    expect(allocation).toBe(step);
    expect(passed).toHaveLength(12);
    // Each step that was refused is said once, with the system's reason.
    const said = (warnings as string[]).map((text) => /^RiptideWarning: .*"(.*)" was refused \(.+\)/.exec(text)?.[1]);
    expect(said).toEqual(STEPS.slice(0, STEPS.indexOf(step)));
  });

  test('a growth that the system refuses is a refusal like any other', async () => {
    const { code, stdout } = await run('__test__/fixtures/system-refusal.mjs', [], { env, addressSpace: 2 * GIB });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      allocation: 'on-demand',
      refused: -1,
      after: { currentPages: 1, peakPages: 1, growFailures: 1 },
      next: 1, // the guest goes on with the memory it has
      trapped: {
        code: 'ERR_MEMORY_LIMIT',
        limitedBy: 'system',
        requestedBytes: 40_000 * 65_536,
        heldBytes: 2 * 65_536,
      },
      fresh: 1,
      started: { code: 'ERR_MEMORY_LIMIT', limitedBy: 'system' }, // the guest did nothing wrong
    });
  });

  const limits: [string, number, Step][] = [
    // Less than one engine's slots of 4 GiB take, and enough for the slots of the limit's size of all those in the suite.
    ['500 GB', 500 * GIB, 'pooling-limit'],
    ['8 GB', 8 * GIB, 'on-demand'],
    ['2 GB', 2 * GIB, 'on-demand'],
    ['1.5 GB', 1.5 * GIB, 'on-demand'],
  ];
  test.each(limits)('(%s) the core of this suite passes', async (_, addressSpace, step) => {
    const config = '__test__/fixtures/core-suite.config.mjs';
    const { code, stdout, stderr } = await run(
      'node_modules/vitest/vitest.mjs',
      ['run', '--config', config, '--reporter=json'],
      // V8's own WebAssembly, which vitest uses, reserves 10 GiB a memory unless it checks bounds.
      { env: { ...env, ALLOCATION_STEP: step, NODE_OPTIONS: '--disable-wasm-trap-handler' }, addressSpace },
    );
    expect(stdout, stderr).toMatch(/^\{/);
    const report = JSON.parse(stdout);
    const failed = report.testResults.flatMap((file: { message: string; assertionResults: { status: string }[] }) => [
      ...(file.message === '' ? [] : [file.message]),
      ...file.assertionResults.filter(({ status }) => status !== 'passed'),
    ]);
    expect(failed).toEqual([]);
    expect(report.testResults).toHaveLength(6);
    expect(report.numPassedTests).toBeGreaterThan(150);
    expect(code).toBe(0);
  });
});
