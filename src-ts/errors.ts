/** A fact of a failure: a number in the unit its name says, a text, a list of texts, or bytes. */
export type ErrorDetail = number | string | string[] | Uint8Array;

/**
 * The facts of a failure, by name. Which names a code carries stands in {@link ERROR_CODES}. Beside them: where the guest
 * wrote anything in a call that failed, `stdout` and `stderr` have the beginning of it as text, `stdoutBytes` and
 * `stderrBytes` as bytes (up to `wasi.maxOutputBytes`).
 */
export type ErrorDetails = Readonly<Record<string, ErrorDetail>>;

interface ErrorEntry {
  /** What the code means and what to do about it. */
  readonly explanation: string;
  /** The sentence for failures found in JavaScript; `{name}` stands for a detail. The runtime writes its own. */
  readonly message: string;
}

/**
 * Every `error.code` of this package. A code is stable across versions; a message is not.
 */
export const ERROR_CODES = {
  ERR_BAD_OPTION: {
    explanation: 'An option is unknown or its value cannot be used. Details: `option`, `value`, `allowed`.',
    message: '{option} is {value}; allowed: {allowed}',
  },
  ERR_BAD_ARGUMENT: {
    explanation:
      'An argument does not fit its type, or their number is wrong. Details: `path` (such as `args[0].links[3].url`), `expected`, `received`.',
    message: '{path}: expected {expected}, received {received}',
  },
  ERR_READ: {
    explanation: 'The file or address could not be read. Details: `path`.',
    message: 'cannot read {path}: {reason}',
  },
  ERR_COMPILE: {
    explanation: 'The bytes are not WebAssembly, are cut short, or are not valid. Details: `offset` where known.',
    message: 'cannot compile: {reason}',
  },
  ERR_COMPILE_LIMIT: {
    explanation:
      "The code exceeds a limit of the engine's `compile` option, in size, in shape, or in what compiling it takes. Details: `option`, `limit`.",
    message: 'the code exceeds {option} ({limit})',
  },
  ERR_SIMD_DISABLED: {
    explanation: 'The code uses SIMD and its engine was made with `simd: false`. Details: `offset`.',
    message: 'the code uses SIMD, which this engine refuses',
  },
  ERR_WRONG_KIND: {
    explanation: 'A module was given where a component was wanted, or the reverse. Details: `expected`, `received`.',
    message: 'expected a {expected}, received a {received}',
  },
  ERR_LINK: {
    explanation: 'Imports that nobody provides, or that are provided with another type. Details: `missing`.',
    message: 'missing imports: {missing}',
  },
  ERR_MISSING_EXPORT: {
    explanation: 'No exported function has this name. Details: `name`, `exports`.',
    message: 'no exported function is called {name}',
  },
  ERR_TRAP: {
    explanation: 'The guest trapped; its instance was discarded. Details: `trap`, `backtrace`.',
    message: 'the guest trapped: {trap}',
  },
  ERR_STACK_OVERFLOW: {
    explanation: 'The guest overflowed its stack; its instance was discarded. Details: `trap`, `backtrace`.',
    message: 'the guest overflowed its stack',
  },
  ERR_MEMORY_LIMIT: {
    explanation:
      'The guest failed after a refused growth, or could not start within its limit: the code begins with more than an instance may hold. Details: `requestedBytes`, `heldBytes`, `limitBytes` (for tables `requestedElements`, …) of the last growth refused in the call, `limitedBy` (`instance`, `pool`, `engine`, `memory type`, `system`, `tables`), `growthsDenied` (how many were).',
    message: 'the guest asked for {requestedBytes} bytes and may hold {limitBytes}',
  },
  ERR_TIMEOUT: {
    explanation:
      'The call took longer than its `timeoutMillis`; its instance was discarded. Details: `timeoutMillis`, `phase` (`computing`, `asleep`, `host`, `queued`); after refused growths those of ERR_MEMORY_LIMIT.',
    message: 'the call took longer than {timeoutMillis} ms',
  },
  ERR_OUT_OF_FUEL: {
    explanation:
      'The guest used up its `maxFuel`; its instance was discarded. Details: `backtrace`; after refused growths those of ERR_MEMORY_LIMIT.',
    message: 'the guest used up its fuel',
  },
  ERR_ABORTED: {
    explanation:
      'The call ended with its pool (`destroy`). A call ended by its own signal rejects with `signal.reason` instead. Details: `phase`; after refused growths those of ERR_MEMORY_LIMIT.',
    message: 'the call was aborted',
  },
  ERR_GUEST: {
    explanation: 'The guest returned the `err` case of its result; `payload` holds the value.',
    message: 'the guest returned an error',
  },
  ERR_EXIT: {
    explanation:
      'The guest exited with a status other than 0, or with 0 before there was the instance, or the value, that was asked for; its instance was discarded. Details: `status`, `stdout`, `stderr`, `stdoutBytes`, `stderrBytes`; after refused growths those of ERR_MEMORY_LIMIT.',
    message: 'the guest exited with status {status}',
  },
  ERR_HOST_FUNCTION: {
    explanation: 'A host function threw or rejected; `cause` holds what it threw. Details: `function`.',
    message: 'the host function {function} failed: {reason}',
  },
  ERR_RESULT_TOO_LARGE: {
    explanation: 'A result exceeds `maxResultBytes` or `maxResultValues`. Details: `limit`, `option`.',
    message: 'the result exceeds {option} ({limit})',
  },
  ERR_QUEUE_FULL: {
    explanation: 'As many calls as may (`maxQueue`) wait for an instance. Details: `max`, `maxQueue`.',
    message: '{max} calls run and {maxQueue} wait, which is as many as may',
  },
  ERR_ACQUIRE_TIMEOUT: {
    explanation: 'No instance was free in time. Details: `acquireTimeoutMillis`.',
    message: 'no instance was free within {acquireTimeoutMillis} ms',
  },
  ERR_REENTRANT: {
    explanation:
      'A host function, or what runs in `pool.use`, calls the pool that waits for it, and all its instances are taken. Details: `max`.',
    message: 'all {max} instances of the pool are taken, and one of them waits for this call',
  },
  ERR_BREAKER_OPEN: {
    explanation:
      'Too many calls of the pool failed of late. Details: `resetMillis` (until one may try again), `state` (`open`, `halfOpen`).',
    message: 'the breaker is {state} for another {resetMillis} ms',
  },
  ERR_NO_SLOT: {
    explanation: 'The engine has no room for another instance: raise its `maxInstances`. Details: `slots`.',
    message: 'all {slots} instance slots of the engine are taken',
  },
  ERR_BUSY: {
    explanation: 'The instance is in the middle of another call.',
    message: 'the instance is in the middle of another call',
  },
  ERR_CLOSED: {
    explanation: 'The pool or instance is closed, or the instance failed or exited in an earlier call.',
    message: 'closed',
  },
  ERR_UNSUPPORTED: {
    explanation:
      'A type, feature or platform this version does not support, or an addon that is missing or does not load. Details: `feature`; of code also `offset`, where it is first needed; of the addon also `reason`, `found`, `needed` and its `path`.',
    message: '{feature} is not supported',
  },
  ERR_INTERNAL: {
    explanation: 'A defect of this package, caught at its boundary. Please report it.',
    message: 'internal error: {reason}',
  },
} as const satisfies Record<string, ErrorEntry>;

/** One of the codes of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Every failure of this package, except a call aborted by its signal (which rejects with `signal.reason`). */
export class RiptideError extends Error {
  static {
    named(RiptideError, 'RiptideError');
  }

  /** Which failure it is: stable across versions. */
  readonly code: ErrorCode;
  /** The facts behind the message, as data. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** `ERR_BAD_OPTION`: an option's name is unknown, or its value cannot be used. */
export class OptionError extends RiptideError {
  static {
    named(OptionError, 'OptionError');
  }
}

/** `ERR_BAD_ARGUMENT`: an argument does not fit its type. */
export class ArgumentError extends RiptideError {
  static {
    named(ArgumentError, 'ArgumentError');
  }
}

/** `ERR_COMPILE`, `ERR_COMPILE_LIMIT`, `ERR_SIMD_DISABLED`, `ERR_WRONG_KIND`: these bytes cannot be loaded. */
export class CompileError extends RiptideError {
  static {
    named(CompileError, 'CompileError');
  }
}

/** `ERR_LINK`: imports that are not provided. */
export class LinkError extends RiptideError {
  static {
    named(LinkError, 'LinkError');
  }
}

/** `ERR_TRAP`, `ERR_STACK_OVERFLOW`, `ERR_OUT_OF_FUEL`: the guest trapped. */
export class TrapError extends RiptideError {
  static {
    named(TrapError, 'TrapError');
  }
}

/** `ERR_MEMORY_LIMIT`: the guest failed after a growth its limit refused. */
export class MemoryLimitError extends RiptideError {
  static {
    named(MemoryLimitError, 'MemoryLimitError');
  }
}

/** `ERR_TIMEOUT`, `ERR_ACQUIRE_TIMEOUT`: the call took longer than it may, or waited longer for an instance. */
export class TimeoutError extends RiptideError {
  static {
    named(TimeoutError, 'TimeoutError');
  }
}

/** `ERR_GUEST`: the guest returned the `err` case of its result. */
export class GuestError<P = unknown> extends RiptideError {
  static {
    named(GuestError, 'GuestError');
  }

  /** The value of the `err` case, as WIT values cross. */
  readonly payload: P;

  constructor(code: ErrorCode, message: string, details: ErrorDetails, options: ErrorOptions | undefined, payload: P) {
    super(code, message, details, options);
    this.payload = payload;
  }
}

/** `ERR_EXIT`: the guest exited, with the status in `details.status`. */
export class ExitError extends RiptideError {
  static {
    named(ExitError, 'ExitError');
  }
}

/** `ERR_HOST_FUNCTION`: a host function failed; `cause` is what it threw. */
export class HostFunctionError extends RiptideError {
  static {
    named(HostFunctionError, 'HostFunctionError');
  }
}

/** `ERR_QUEUE_FULL`, `ERR_REENTRANT`, `ERR_BREAKER_OPEN`: the pool does not take the call now. */
export class RejectedError extends RiptideError {
  static {
    named(RejectedError, 'RejectedError');
  }
}

/** `ERR_CLOSED`: the pool or instance takes no more calls. */
export class ClosedError extends RiptideError {
  static {
    named(ClosedError, 'ClosedError');
  }
}

type ErrorClass = new (
  code: ErrorCode,
  message: string,
  details: ErrorDetails,
  options: ErrorOptions | undefined,
  payload: unknown,
) => RiptideError;

const CLASSES: Partial<Record<ErrorCode, ErrorClass>> = {
  ERR_BAD_OPTION: OptionError,
  ERR_BAD_ARGUMENT: ArgumentError,
  ERR_COMPILE: CompileError,
  ERR_COMPILE_LIMIT: CompileError,
  ERR_SIMD_DISABLED: CompileError,
  ERR_WRONG_KIND: CompileError,
  ERR_LINK: LinkError,
  ERR_TRAP: TrapError,
  ERR_STACK_OVERFLOW: TrapError,
  ERR_MEMORY_LIMIT: MemoryLimitError,
  ERR_OUT_OF_FUEL: TrapError,
  ERR_TIMEOUT: TimeoutError,
  ERR_ACQUIRE_TIMEOUT: TimeoutError,
  ERR_QUEUE_FULL: RejectedError,
  ERR_REENTRANT: RejectedError,
  ERR_BREAKER_OPEN: RejectedError,
  ERR_GUEST: GuestError,
  ERR_EXIT: ExitError,
  ERR_HOST_FUNCTION: HostFunctionError,
  ERR_CLOSED: ClosedError,
};

/**
 * The error of a code, in the class that belongs to it.
 * @internal
 */
export function makeError(
  code: ErrorCode,
  details: ErrorDetails = {},
  given: { message?: string; cause?: unknown; payload?: unknown } = {},
): RiptideError {
  const message =
    given.message ?? ERROR_CODES[code].message.replace(/\{(\w+)\}/g, (_, name: string) => text(details[name]));
  const options = 'cause' in given ? { cause: given.cause } : undefined;
  return new (CLASSES[code] ?? RiptideError)(code, message, details, options, given.payload);
}

/**
 * A value in a few words, for messages.
 * @internal
 */
export function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object';
  }
  return String(value);
}

/**
 * The message of a thrown value, which may be anything where the caller's code threw it.
 * @internal
 */
export function reasonOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'it threw something that has no text';
  }
}

function text(detail: ErrorDetail | undefined): string {
  if (detail === undefined) return 'unknown';
  return Array.isArray(detail) ? detail.join(', ') : String(detail);
}

// On the prototype: an own `name` would show up in every printed error, and a class's own name is lost in bundles.
function named(type: { prototype: object }, name: string): void {
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true });
}
