// `npm start`: sets up what is missing, then extracts real pages and shows what it took.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { main, root } from './lib.mjs';
import { setup } from './setup.mjs';

await main(async () => {
  await setup();
  const args = process.argv.slice(2);
  const command = [path.join(root, 'dist', 'cli', 'main.js'), 'demo', ...(args.length > 0 ? ['--', ...args] : [])];
  // The caller's folder, not the clone's: relative paths after `--` are the caller's.
  const child = spawn(process.execPath, command, { cwd: process.env.INIT_CWD ?? process.cwd(), stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
});
