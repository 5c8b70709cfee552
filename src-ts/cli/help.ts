/** What `--help` prints, for terminals of 80 columns. Imports nothing: help needs no addon. */
export const HELP = `riptide-wasm: HTML to article text, Markdown, links and metadata, by a
WebAssembly component in Wasmtime

riptide-wasm extract FILE|URL|-      one page to standard output
riptide-wasm serve                   an HTTP server that extracts pages
riptide-wasm status --redis URL      what the processes of a fleet publish
riptide-wasm demo [FILE|FOLDER|URL]  many pages, with a table of what they took
riptide-wasm precompile [FILE...]    compile beforehand, into the cache
riptide-wasm cache COMMAND           what is in the cache, and what has to go
riptide-wasm --version
riptide-wasm --help

riptide-wasm COMMAND --help, or -h, shows the options of a command.

Exit codes: 0 all went well; 1 something failed, with one line on standard error
that says what; 2 the command was not understood. The environment variables
RIPTIDE_WASM_* set pool size, memory limit, cache and timeout.
`;

const EXTRACT = `riptide-wasm extract FILE|URL|- [options]

Extracts one page to standard output; - is standard input. Its character set is
found as browsers find it. Files that gzip compressed are decompressed.

  --mode MODE     article (default), full, metadata or custom
  --selector CSS  what to take in mode custom; may be given several times
  --url URL       the page's address (http: or https:), which its links are
                  resolved against; those of a file stay as they are without it
  --markdown      the content as Markdown (default)
  --text          the content as plain text
  --json          everything as JSON (default in mode metadata)
`;

const SERVE = `riptide-wasm serve [options]

An HTTP server: POST /extract, GET /metrics, /health, /ready, /openapi.json,
and a live page at /.
It needs two more packages: npm install fastify prom-client

  --host HOST           the address to listen on (default: 127.0.0.1)
  --port PORT           the port (default: 8080; 0: a free one)
  --allow-host NAME     a name it may be called by, beside localhost and IP
                        addresses; may be given several times
  --allow-fetch         also fetch pages by their URL, from public addresses
  --live-page           a page with live charts at / (default: unless NODE_ENV
                        is production); --no-live-page: none
  --max-body-bytes N    the largest page (default: 8 MiB)
  --max-queue N         calls that may wait (default: 64)
  --memory-budget-mb N  memory of all instances together (default: no limit)
  --drain-seconds N     how long it serves on after SIGTERM, not ready any more
                        (default: 1)
  --status-redis URL    the Redis to publish its status in; needs redis, too
                        (default: RIPTIDE_WASM_STATUS_REDIS)
  --status-key KEY      the key there (default: hive/memory/wasm-tracker)
  --log-level LEVEL     trace, debug, info (default), warn, error or silent
`;

const STATUS = `riptide-wasm status --redis URL [options]

A table of the processes that publish their status in a Redis: those that call
publishStatus, and servers that are given a Redis for it.
It needs one more package: npm install redis

  --redis URL  where Redis is, such as redis://localhost:6379
               (default: RIPTIDE_WASM_STATUS_REDIS)
  --key KEY    the key (default: hive/memory/wasm-tracker)
  --watch      again every second, until it is interrupted
  --json       everything as JSON; with --watch a line each time
`;

const DEMO = `riptide-wasm demo [FILE|FOLDER|URL...]

Extracts many pages, and shows a table of what they took; npm's own manual where
none are given.
`;

const PRECOMPILE = `riptide-wasm precompile [FILE...] [options]

Compiles into the cache, for an image or a later start; the shipped extractor
where no files are given.

  --out DIR      the cache's directory (default: as the environment says)
  --cpu CPU      native (default): this processor; baseline: every one of its
                 architecture
  --trust TRUST  key (default) or owner: what makes an artefact trusted
`;

const CACHE = `riptide-wasm cache ls                what is in the cache
riptide-wasm cache verify            which artefacts would not be used
riptide-wasm cache prune             remove what is beyond the limits
riptide-wasm cache clear             remove all artefacts
riptide-wasm cache key [--out FILE]  where this user's key is; or make a new one
                                     for several machines

  --dir DIR         the cache's directory (not for key)
  --trust TRUST     key or owner (not for key)
  --max-bytes N     a limit of prune (default: 1 GiB)
  --max-entries N   a limit of prune (default: 4096)
  --max-age-days N  a limit of prune (default: 90)
`;

/** The commands, with the help of each. */
export const COMMANDS: ReadonlyMap<string, string> = new Map([
  ['extract', EXTRACT],
  ['serve', SERVE],
  ['status', STATUS],
  ['demo', DEMO],
  ['precompile', PRECOMPILE],
  ['cache', CACHE],
]);
