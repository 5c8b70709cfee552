// The description that the server gives of itself, held against the server by schemathesis.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startServer } from '../stress/shared/server-process.mjs';

const CONFIG = fileURLToPath(new URL('fixtures/schemathesis.toml', import.meta.url));
/** Where `python3 -m venv target/schemathesis` puts it. */
const OWN = fileURLToPath(new URL('../target/schemathesis/bin/schemathesis', import.meta.url));
const SEED = '20261125';
const CASES = '150';

const program = ['schemathesis', OWN].find((name) => spawnSync(name, ['--version']).status === 0);
const reason = 'schemathesis is not installed (CONTRIBUTING.md says how)';
if (program === undefined) console.warn(`skipped: ${reason}`);

/** Runs it in an empty folder: it leaves its caches where it stands. */
async function schemathesis(...args: string[]): Promise<{ code: number | null; output: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'riptide-wasm-openapi-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(program ?? '', ['--config-file', CONFIG, 'run', ...args], {
    cwd: folder,
    env: { ...process.env, HOME: folder, XDG_CACHE_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

describe.skipIf(program === undefined)(`the description${program === undefined ? ` (${reason})` : ''}`, () => {
  test('is OpenAPI 3.1, and what the server does', { timeout: 300_000 }, async () => {
    const server = await startServer();
    onTestFinished(() => server.kill());
    const { code, output } = await schemathesis(
      `${server.url}/openapi.json`,
      '--checks=all',
      '--phases=examples,coverage,fuzzing,stateful',
      `--seed=${SEED}`,
      `--max-examples=${CASES}`,
      '--generation-database=none',
      '--continue-on-failure',
      '--no-color',
    );
    // Its report is cut at strings of thousands of letters, which it likes to send.
    expect([code, output.replaceAll(/(.{1000}).+/g, '$1…')]).toEqual([0, expect.stringContaining('No issues found')]);
    expect(output).toMatch(/Specification: +Open API 3\.1/);
    expect(output).toMatch(/Tested: +4\n/);
    // It still answers, and nothing of what it was sent was a fault of its own.
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect(server.complaints()).toEqual([]);
    expect(await server.stop()).toBe(0);
  });
});
