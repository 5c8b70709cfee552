/** Environment variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every variable that can be set, wherever it is read. @internal */
const VARIABLES = [
  'RIPTIDE_WASM_MAX_POOL_SIZE',
  'RIPTIDE_WASM_INITIAL_POOL_SIZE',
  'RIPTIDE_WASM_MEMORY_LIMIT_MB',
  'RIPTIDE_WASM_MEMORY_LIMIT_PAGES',
  'RIPTIDE_WASM_ENABLE_SIMD',
  'RIPTIDE_WASM_ENABLE_AOT_CACHE',
  'RIPTIDE_WASM_COLD_START_TARGET_MS',
  'RIPTIDE_WASM_TIMEOUT_SECS',
  'RIPTIDE_WASM_ENABLE_REUSE',
  'RIPTIDE_WASM_ENABLE_METRICS',
  'RIPTIDE_WASM_CACHE_DIR',
  'RIPTIDE_WASM_CACHE_KEY_FILE',
  'RIPTIDE_WASM_CACHE_TRUST',
  'RIPTIDE_WASM_STATUS_REDIS',
  'RIPTIDE_WASM_ENABLE_LIVE_PAGE',
  'RIPTIDE_WASM_ADDON',
] as const;

/** @internal */
export type Variable = (typeof VARIABLES)[number];

/**
 * Variables with this prefix that users do not set: this package sets some for its compiling processes, Kubernetes for
 * services whose names begin with the package's.
 */
const OTHERS =
  /^RIPTIDE_WASM_(COMPILING|PORT|([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?))$/;

const isSetByOthers = (name: string) => name.length <= COMPARED_LENGTH && OTHERS.test(name);

/** Kubernetes' address of a service. A port that a user set is a number. */
const isServiceAddress = (name: string, value: string) => /_PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value);

/** A name may be as long as its setter likes; those of Kubernetes' services and ports have at most 92 letters. */
const COMPARED_LENGTH = 100;

const warnedOf = new Set<string>();

/** A process warning for each variable that begins like ours and is not read, once in a process. @internal */
export function warnOfUnknown(env: Environment): void {
  const known: readonly string[] = VARIABLES;
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !/^riptide_wasm_/i.test(name) || known.includes(name)) continue;
    if (isSetByOthers(name) || isServiceAddress(name, value) || warnedOf.has(name)) continue;
    warnedOf.add(name);
    const variable = nearest(name);
    const hint =
      variable === undefined
        ? 'docs/options.md lists those that are (Environment)'
        : `the nearest variable that is: ${variable}`;
    process.emitWarning(`${name} is not read; ${hint}`, 'RiptideWarning');
  }
}

/**
 * What it may be a slip for: what differs from it in a third of its letters at most (or two), or by whole words. Of
 * several the one that shares the most words with it, and of those the one with the fewest letters to change.
 */
function nearest(name: string): Variable | undefined {
  const given = ownPart(name.toUpperCase().slice(0, COMPARED_LENGTH));
  const words = given.split('_');
  const [first] = VARIABLES.map((variable) => {
    const known = ownPart(variable).split('_');
    const distance = editDistance(given, ownPart(variable));
    const shared = known.filter((word) => words.includes(word)).length;
    const whole = shared === known.length || words.every((word) => known.includes(word));
    return { variable, distance, shared, near: whole || distance <= Math.max(2, given.length / 3) };
  })
    .filter(({ near }) => near)
    .sort((a, b) => b.shared - a.shared || a.distance - b.distance);
  return first?.variable;
}

const ownPart = (name: string) => name.slice('RIPTIDE_WASM_'.length);

/** The fewest letters to insert, delete or replace (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let at = 0; at < to.length; at++) {
      const replaced = (row[at] as number) + (letter === to[at] ? 0 : 1);
      next.push(Math.min(replaced, (row[at + 1] as number) + 1, (next[at] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
