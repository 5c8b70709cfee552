#!/usr/bin/env node
import { inspect } from 'node:util';
import { Failure, oneLine, usage } from './failure.js';
import { COMMANDS, HELP } from './help.js';
import { print } from './output.js';

// Commands are imported when they are asked for: help needs no addon, and one that does not load is an error in one line.
async function run([command, ...rest]: string[]): Promise<void> {
  const help = COMMANDS.get(command ?? '');
  if (help !== undefined && asksForHelp(rest)) return print(help);
  switch (command) {
    case 'extract':
      return (await import('./extract.js')).extract(rest);
    case 'serve':
      return (await import('./serve.js')).serve(rest);
    case 'worker':
      return (await import('./worker.js')).worker(rest);
    case 'enqueue':
      return (await import('./enqueue.js')).enqueue(rest);
    case 'demo':
      return (await import('./demo.js')).demo(rest);
    case 'precompile':
      return (await import('./precompile.js')).precompile(rest);
    case 'cache':
      return (await import('./cache.js')).cache(rest);
    case '--version':
    case '-v': {
      const { version, wasmtime, target } = (await import('../native.js')).buildInfo();
      return print(`riptide-wasm ${version} (Wasmtime ${wasmtime}, ${target})\n`);
    }
    case '--help':
    case '-h':
    case 'help':
      return print(HELP);
    case undefined:
      throw usage('a command is missing');
    default:
      throw usage(`there is no command ${JSON.stringify(command)}`);
  }
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).some((word) => word === '--help' || word === '-h');
}

/** Where the way of asking that was not understood is described. */
function hint(command: string | undefined): string {
  const known = command !== undefined && COMMANDS.has(command) ? `${command} ` : '';
  return ` (riptide-wasm ${known}--help lists what there is)`;
}

const args = process.argv.slice(2);

function report(error: unknown): void {
  process.exitCode = error instanceof Failure ? error.exitCode : 1;
  process.stderr.write(`riptide-wasm: ${oneLine(error)}${process.exitCode === 2 ? hint(args[0]) : ''}\n`);
}

process.stdout.on('error', () => {}); // `print` rejects with it
// What the system refuses beside a command's own promise, such as a log that cannot be written, is one line; a
// defect keeps its stack.
process.on('uncaughtException', (error) => {
  if (/^E[A-Z]+: /.test(error?.message)) report(error);
  else process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
});
run(args).catch(report);
