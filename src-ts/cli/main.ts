#!/usr/bin/env node
import { Failure, oneLine, usage } from './failure.js';

const HELP = `riptide-wasm: HTML to article text, Markdown, links and metadata, by a WebAssembly component in Wasmtime

riptide-wasm extract FILE|URL|- [options]   one page to standard output (- is standard input)
  --mode MODE       article (default), full, metadata or custom
  --selector CSS    what to take in mode custom; may be given several times
  --url URL         the page's address, which its links are resolved against
  --markdown        the content as Markdown (default)
  --text            the content as plain text
  --json            everything as JSON (default in mode metadata)

riptide-wasm serve [options]                an HTTP server: POST /extract, GET /metrics, /health, /ready, /openapi.json
                                            (needs npm install fastify prom-client)
  --host HOST       the address to listen on (default: 127.0.0.1)
  --port PORT       the port (default: 8080; 0: a free one)
  --allow-host NAME a name it may be called by, beside localhost and IP addresses; may be given several times
  --allow-fetch     also fetch pages by their URL, from public addresses
  --max-body-bytes N, --max-queue N, --memory-budget-mb N   limits (8 MiB, 64 calls, none)
  --drain-seconds N how long it serves on after SIGTERM, not ready any more (default: 1)
  --log-level LEVEL trace, debug, info (default), warn, error or silent

riptide-wasm demo [FILE|FOLDER|URL...]      many pages, with a table of what they took;
                                            npm's own manual where none are given
riptide-wasm precompile [FILE...] [options]  compile into the cache, for an image or a later start;
                                            the shipped extractor where no files are given
  --out DIR         the cache's directory (default: as the environment says)
  --cpu CPU         native (default): this processor; baseline: every one of its architecture
  --trust TRUST     key (default) or owner: what makes an artefact trusted

riptide-wasm cache ls|verify|prune|clear    what is in the cache; which artefacts would not be used; remove what is
                                            beyond the limits; remove all of them
  --dir DIR         the cache's directory
  --trust TRUST     key or owner
  --max-bytes N, --max-entries N, --max-age-days N   the limits of prune (1 GiB, 4096, 90)
riptide-wasm cache key [--out FILE]         where this user's key is; or make a new one for several machines

riptide-wasm --version
riptide-wasm --help

Exit codes: 0 all went well; 1 something failed, with one line on standard error that says what; 2 the command was
not understood. The environment variables RIPTIDE_WASM_* set pool size, memory limit, cache and timeout.
`;

// Commands are imported when they are asked for: help needs no addon, and one that does not load is an error in one line.
async function run([command, ...rest]: string[]): Promise<void> {
  switch (command) {
    case 'extract':
      if (rest.includes('--help')) break;
      return (await import('./extract.js')).extract(rest);
    case 'serve':
      if (rest.includes('--help')) break;
      return (await import('./serve.js')).serve(rest);
    case 'demo':
      if (rest[0] === '--help') break;
      return (await import('./demo.js')).demo(rest);
    case 'precompile':
      if (rest.includes('--help')) break;
      return (await import('./precompile.js')).precompile(rest);
    case 'cache':
      if (rest.includes('--help')) break;
      return (await import('./cache.js')).cache(rest);
    case '--version':
    case '-v': {
      const { version, wasmtime, target } = (await import('../native.js')).buildInfo();
      process.stdout.write(`riptide-wasm ${version} (Wasmtime ${wasmtime}, ${target})\n`);
      return;
    }
    case '--help':
    case '-h':
    case 'help':
      break;
    case undefined:
      throw usage('a command is missing');
    default:
      throw usage(`there is no command ${JSON.stringify(command)}`);
  }
  process.stdout.write(HELP);
}

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

run(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`riptide-wasm: ${oneLine(error)}\n`);
  process.exitCode = error instanceof Failure ? error.exitCode : 1;
});
