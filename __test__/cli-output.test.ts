// What the command line says of itself, and what becomes of what it cannot say.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { oneLine } from '../dist/cli/failure.js';
import { cleanEnvironment } from '../stress/shared/environment.mjs';
import { guestFile, numbered, ownHome } from './cache-support.js';
import { type Ended, run, temporaryFolder } from './support.js';

const cli = (args: string[]): Promise<Ended> => run('dist/cli/main.js', args);

describe('riptide-wasm', () => {
  test('says its version', async () => {
    expect((await cli(['--version'])).stdout).toMatch(/^riptide-wasm \d+\.\d+\.\d+ \(Wasmtime \d+/);
  });

  const COMMANDS = ['extract', 'serve', 'worker', 'enqueue', 'demo', 'precompile', 'cache'];

  test('has a short help, and one for each command', async () => {
    const { code, stdout, stderr } = await cli(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Exit codes');
    for (const command of COMMANDS) expect(stdout).toContain(`riptide-wasm ${command} `);
    expect((await cli(['-h'])).stdout).toBe(stdout);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  test.each([
    ['extract', '--mode --selector --url --markdown --text --json'],
    [
      'serve',
      '--host --port --allow-host --allow-fetch --max-body-bytes --max-queue --memory-budget-mb --drain-seconds --log-level',
    ],
    [
      'worker',
      '--redis --queue --prefix --results --pages --allow-fetch --concurrency --memory-budget-mb --timeout-seconds --lock-seconds --stalled-seconds --max-stalled --deadline-seconds',
    ],
    ['enqueue', '--redis --queue --prefix --mode --selector --max-backlog --chunk'],
    ['demo', ''],
    ['precompile', '--out --cpu --trust'],
    ['cache', '--out --dir --trust --max-bytes --max-entries --max-age-days'],
  ])('%s has its own help, of all its options', async (command, options) => {
    const { code, stdout, stderr } = await cli([command, '-h']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.startsWith(`riptide-wasm ${command} `)).toBe(true);
    expect([...new Set(stdout.match(/--[a-z][a-z-]*/g))].sort()).toEqual(options.split(' ').filter(Boolean).sort());
    expect(stdout).not.toContain('Exit codes');
    expect(widest(stdout)).toBeLessThanOrEqual(80);
    expect(await cli([command, 'ls', '--help'])).toEqual({ code, stdout, stderr });
  });

  test('does not take what follows -- for a question', async () => {
    expect((await cli(['extract', '--', '-h'])).stderr).toContain('-h: cannot be read: no such file');
  });

  test
    .skipIf(process.platform !== 'linux')
    .each([
      '--help',
      '--version',
      'extract -h',
      'extract PAGE',
      'demo PAGE',
      'precompile',
      'precompile GUEST',
      'cache ls',
      'cache verify',
      'cache prune',
      'cache clear',
      'cache key',
      'serve --port 0',
    ])('%s says in one line that its output is full (/dev/full of Linux)', async (command) => {
    const page = join(temporaryFolder(), 'page.html');
    writeFileSync(page, '<p>The tide comes in twice a day.');
    const files: Record<string, string> = { PAGE: page, GUEST: guestFile(numbered(1)) };
    const { code, stderr } = await intoFull(command.split(' ').map((word) => files[word] ?? word));
    expect(stderr).toMatch(/^riptide-wasm: [^\n]*ENOSPC: no space left on device[^\n]*\n$/);
    expect(code).toBe(1);
  });

  test.skipIf(process.platform !== 'linux')(
    'precompile told of the first of two files when it finds that its output is full',
    async () => {
      const { code, stderr } = await intoFull(['precompile', guestFile(numbered(1)), guestFile(numbered(2))]);
      expect(stderr).toMatch(/^1\/2 guest\.wasm: module, compiled [^\n]*\nriptide-wasm: [^\n]*ENOSPC: [^\n]*\n$/);
      expect(code).toBe(1);
    },
  );
});

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

/** Runs it with a standard output that takes nothing. */
async function intoFull(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/cli/main.js', import.meta.url)), ...args], {
    env: cleanEnvironment(ownHome()),
    stdio: ['ignore', full, 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  closeSync(full);
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

describe('a failure in one line', () => {
  test('tells the causes, at most eight of them, also in a circle', () => {
    const chain = Array.from({ length: 20 }, (_, index) => new Error(`<${index}>`));
    for (const [index, error] of chain.entries()) error.cause = chain[index + 1];
    expect(oneLine(chain[0]).match(/<\d+>/g)).toEqual(chain.slice(0, 9).map(({ message }) => message));
    const [first, second] = [new Error('ebb'), new Error('flow')];
    first.cause = second;
    second.cause = first;
    expect(oneLine(first)).toContain('ebb (flow');
  });

  test.each([[null], [undefined], ['a word'], [7], [Symbol('sea')], [Object.create(null)]])('takes %o', (thrown) => {
    expect(oneLine(thrown)).not.toBe('');
  });
});
