/** What `--help` prints, for terminals of 80 columns. Imports nothing: help needs no addon. */
export const HELP = `riptide-wasm: HTML to article text, Markdown, links and metadata, by a
WebAssembly component in Wasmtime

riptide-wasm extract FILE|URL|-      one page to standard output
riptide-wasm serve                   an HTTP server that extracts pages
riptide-wasm worker                  does the jobs of a queue (BullMQ)
riptide-wasm enqueue FILE|URL...|-   adds pages to a queue
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

An HTTP server: POST /extract, GET /metrics, /health, /ready, /openapi.json.
It needs two more packages: npm install fastify prom-client

  --host HOST           the address to listen on (default: 127.0.0.1)
  --port PORT           the port (default: 8080; 0: a free one)
  --allow-host NAME     a name it may be called by, beside localhost and IP
                        addresses; may be given several times
  --allow-fetch         also fetch pages by their URL, from public addresses
  --max-body-bytes N    the largest page (default: 8 MiB)
  --max-queue N         calls that may wait (default: 64)
  --memory-budget-mb N  memory of all instances together (default: no limit)
  --drain-seconds N     how long it serves on after SIGTERM, not ready any more
                        (default: 1)
  --log-level LEVEL     trace, debug, info (default), warn, error or silent
`;

const WORKER = `riptide-wasm worker --redis URL --queue NAME --results STORE [options]

Extracts the pages of a queue (BullMQ on Redis) until SIGTERM or SIGINT, which
finish what runs. A STORE is a folder, or s3://BUCKET/PREFIX.
It needs two more packages: npm install bullmq ioredis
and for s3: npm install @aws-sdk/client-s3

  --redis URL           redis:, rediss: or unix: (default: REDIS_URL)
  --queue NAME          the queue
  --prefix PREFIX       of its keys in Redis (default: bull)
  --results STORE       where results go, as JSON
  --pages STORE         where pages are that a job names by key
  --allow-fetch         also fetch pages by their URL, from public addresses
  --concurrency N       jobs at once (default: as many as there are instances)
  --memory-budget-mb N  memory of all instances together (default: no limit)
  --timeout-seconds N   how long an attempt may take (default: 60)
  --lock-seconds N      how long a job stays its worker's without a sign of it
                        (default: 30)
  --stalled-seconds N   how often jobs of dead workers are looked for, the same
                        on all workers of a queue (default: 30)
  --max-stalled N       workers that may die with a job (default: 2)
  --deadline-seconds N  how long what runs may take after a signal; then it goes
                        back to the queue (default: 30)
`;

const ENQUEUE = `riptide-wasm enqueue FILE|URL...|- --redis URL --queue NAME [options]

Adds pages to a queue, in chunks, and waits while it is too long. A FILE, or
standard input, has a page on each line: an address, or JSON with url, key or
html, and what else a job may have. Prints how many were added. A page that
waits or runs already is not added again.
It needs two more packages: npm install bullmq ioredis

  --redis URL      redis:, rediss: or unix: (default: REDIS_URL)
  --queue NAME     the queue
  --prefix PREFIX  of its keys in Redis (default: bull)
  --mode MODE      article (default), full, metadata or custom
  --selector CSS   what to take in mode custom; may be given several times
  --max-backlog N  the most jobs that wait (default: 10000)
  --chunk N        jobs added at once (default: 500)
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
  ['worker', WORKER],
  ['enqueue', ENQUEUE],
  ['demo', DEMO],
  ['precompile', PRECOMPILE],
  ['cache', CACHE],
]);
