// Processes whose main thread never loads the package, as test runners and pools of threads have it: the thread that
// loads it first ends, and others go on.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { NODES, run, temporaryFolder } from './support.js';

const STATES = [
  'closed',
  'open',
  'exited',
  'idle',
  'looping',
  'looping on its own thread',
  'in a host function',
  'loading',
];

describe.each(NODES)('on $name', ({ execPath, missing }) => {
  const inChild = (...args: string[]) => run('__test__/fixtures/worker-only.mjs', args, { execPath });

  describe.skipIf(missing)('the package', () => {
    test.concurrent('is used by workers one after another, each of which ends in time, whatever state it is in', async () => {
      const states = [...STATES, 'closed'];
      const ended = await inChild('in-turn', ...states);
      const stdout = [...states.map((state) => `${state}: 7, ended`), 'done', ''].join('\n');
      expect(ended).toEqual({ code: 0, stdout, stderr: '' });
    });

    test.concurrent.each(['A', 'B'])('is used by a third worker after worker %s of two has ended', async (first) => {
      expect(await inChild('third', first)).toEqual({ code: 0, stdout: 'ended\ndone\n', stderr: '' });
    });

    test.concurrent('is used by a pool of threads that end when they are idle', async () => {
      expect(await inChild('piscina')).toEqual({ code: 0, stdout: '7 7\n7 7\n7 7\ndone\n', stderr: '' });
    });

    test('is tested by files that each get a thread', async () => {
      const folder = temporaryFolder();
      const index = fileURLToPath(new URL('../dist/index.js', import.meta.url));
      for (const name of ['one', 'two', 'three', 'four']) {
        const text = `import { Engine, Pool, wat2wasm } from ${JSON.stringify(index)};
          test('adds', async () => {
            const text = '(module (func (export "seven") (result i32) i32.const 7))';
            const code = await new Engine({ cache: false }).load(wat2wasm(text));
            expect(await new Pool(code).call('seven')).toBe(7);
          });`;
        writeFileSync(join(folder, `${name}.test.mjs`), text);
      }
      const args = ['run', '--globals', '--pool', 'threads', '--maxWorkers', '1', '--reporter', 'json'];
      const ended = await run('node_modules/vitest/vitest.mjs', [...args, '--root', folder], { execPath });
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(ended.stdout)).toMatchObject({ numPassedTests: 4, numFailedTestSuites: 0, success: true });
    });
  });
});

describe('the main thread goes on and uses the package', () => {
  test.concurrent.each(STATES)('after a worker that ended %s', async (state) => {
    const ended = await run('__test__/fixtures/worker-only.mjs', ['main', state]);
    expect(ended).toEqual({ code: 0, stdout: `${state}: 7, ended\n190\ndone\n`, stderr: '' });
  });
});
