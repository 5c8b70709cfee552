import { describe, expect, test } from 'vitest';
import { run, temporaryFolder } from './support.js';

const INITIAL = '__test__/fixtures/initial-limit.mjs';

describe('code that begins with more than an instance of its engine may hold', () => {
  // By how much address space the process gets, in KiB.
  const steps: [string, number | undefined][] = [['pooling-4gib', undefined]];
  if (process.platform === 'linux') steps.push(['pooling-limit', 4 * 1024 * 1024], ['on-demand', 4 * 1024 * 1024]);
  const bytes = { requestedBytes: 17 * 65_536, heldBytes: 0, limitBytes: 16 * 65_536, limitedBy: 'instance' };
  const elements = { requestedElements: 101, heldElements: 0, limitElements: 100, limitedBy: 'tables' };
  const refused = { class: 'MemoryLimitError', code: 'ERR_MEMORY_LIMIT' };
  const expected = {
    memory: { ...refused, ...bytes },
    'a memory of several': { ...refused, ...bytes },
    'a memory in a component': { ...refused, ...bytes },
    table: { ...refused, ...elements },
    'a table in a component': { ...refused, ...elements },
    'no more than it may': 16,
  };
  const load = async (directory: string, isolated: boolean, step: string, addressSpace?: number) => {
    const limited = addressSpace === undefined ? {} : { addressSpace };
    const env = { MALLOC_ARENA_MAX: '2' };
    const { code, stdout, stderr } = await run(INITIAL, [directory, String(isolated), step], { env, ...limited });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };

  test.each(steps)('is refused when it is loaded (%s)', async (step, addressSpace) => {
    expect(await load('', false, step, addressSpace)).toMatchObject({ allocation: step, told: expected });
  });

  test('is refused where another process would compile it', async () => {
    expect(await load('', true, 'pooling-4gib')).toMatchObject({ told: expected });
  });

  test.each(steps)(
    'is refused where an engine with other limits left it in the cache (%s)',
    async (step, addressSpace) => {
      const directory = temporaryFolder();
      const limited = addressSpace === undefined ? {} : { addressSpace };
      const env = { MALLOC_ARENA_MAX: '2' };
      const filled = await run(INITIAL, [directory, 'false', step, 'fill'], { env, ...limited });
      const { told, misses } = JSON.parse(filled.stdout);
      expect([Object.values(told), misses]).toEqual([[17, 18, 17, 0, 0, 16], 6]);
      expect(await load(directory, false, step, addressSpace)).toEqual({
        ...{ allocation: step, told: expected },
        // It is no fault of the artefacts, and nothing is compiled for it.
        ...{ rejected: 0, misses: step === 'pooling-limit' ? 1 : 0 },
      });
    },
  );
});
