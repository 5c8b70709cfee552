// How a call may end. An outcome says whether a settled promise matches it, and which number of the pool's stats counts it:
// null if the call never reached the pool.
import { isDeepStrictEqual } from 'node:util';
import {
  ArgumentError,
  ClosedError,
  ExitError,
  GuestError,
  HostFunctionError,
  MemoryLimitError,
  OptionError,
  RejectedError,
  RiptideError,
  TimeoutError,
  TrapError,
} from '../../dist/index.js';

const CLASSES = {
  ERR_BAD_OPTION: OptionError,
  ERR_BAD_ARGUMENT: ArgumentError,
  ERR_TRAP: TrapError,
  ERR_STACK_OVERFLOW: TrapError,
  ERR_MEMORY_LIMIT: MemoryLimitError,
  ERR_TIMEOUT: TimeoutError,
  ERR_GUEST: GuestError,
  ERR_EXIT: ExitError,
  ERR_HOST_FUNCTION: HostFunctionError,
  ERR_CLOSED: ClosedError,
  ERR_OUT_OF_FUEL: TrapError,
  ERR_ACQUIRE_TIMEOUT: TimeoutError,
  ERR_QUEUE_FULL: RejectedError,
  ERR_REENTRANT: RejectedError,
  ERR_BREAKER_OPEN: RejectedError,
};

/** Resolves with a value equal to `expected`, or one that `expected` accepts. */
export function answers(expected) {
  const accepts = typeof expected === 'function' ? expected : (value) => isDeepStrictEqual(value, expected);
  return { label: 'answer', counts: 'completed', matches: ({ ok, value }) => ok && accepts(value) };
}

/**
 * Rejects with an error of exactly the code's class. Of `details` each that is named must be equal, or accepted where
 * a function stands; `more` holds what else the error has (`cause`, `payload`), compared in the same way but by identity.
 */
export function fails(code, details = {}, more = {}, counts = 'failed') {
  const type = more.class ?? CLASSES[code] ?? RiptideError;
  const rest = Object.entries(more).filter(([name]) => name !== 'class');
  return {
    label: code,
    counts,
    matches: ({ ok, error }) =>
      !ok &&
      error?.constructor === type &&
      error.code === code &&
      Object.entries(details).every(([name, wanted]) => holds(wanted, error.details[name], isDeepStrictEqual)) &&
      rest.every(([name, wanted]) => holds(wanted, error[name], Object.is)),
  };
}

/** The same, before the call reached the pool. */
export function refuses(code, details) {
  return fails(code, details, {}, null);
}

/** The pool does not take the call. */
export function rejects(code, details) {
  return fails(code, details, {}, 'rejected');
}

/** The same, by its breaker. */
export function breaks({ breaker }) {
  const details = {
    state: (state) => state === 'open' || state === 'halfOpen',
    resetMillis: (millis) => millis >= 0 && millis <= breaker.resetTimeoutMillis,
  };
  return { ...rejects('ERR_BREAKER_OPEN', details), byBreaker: true };
}

/** Ends by its time, not before it, and in one of these phases. */
export function timesOut(timeoutMillis, phases) {
  const outcome = fails('ERR_TIMEOUT', { timeoutMillis, phase: (phase) => phases.includes(phase) }, {}, 'timedOut');
  return {
    ...outcome,
    cutsOff: true,
    matches: (settled) => settled.millis >= timeoutMillis && outcome.matches(settled),
  };
}

/** Waits in vain for an instance, for as long as its pool lets it. */
export function waitsInVain({ acquireTimeoutMillis }) {
  const outcome = fails('ERR_ACQUIRE_TIMEOUT', { acquireTimeoutMillis }, {}, 'timedOut');
  return {
    ...outcome,
    cutsOff: true,
    matches: (settled) => settled.millis >= acquireTimeoutMillis && outcome.matches(settled),
  };
}

/** Ends by its signal, with the signal's very reason. */
export function aborts(signal) {
  return {
    label: 'aborted',
    counts: 'aborted',
    cutsOff: true,
    matches: ({ ok, error }) => !ok && signal.aborted && error === signal.reason,
  };
}

/** Ends with its pool. */
export function endsWithPool() {
  return { ...fails('ERR_ABORTED', {}, {}, 'aborted'), cutsOff: true };
}

export const COMPUTING = ['queued', 'computing'];

/** The call may also end by its time. */
export function timed(call, timeoutMillis, phases = COMPUTING) {
  const options = { ...call.options, timeoutMillis };
  return { ...call, options, allowed: [...call.allowed, timesOut(timeoutMillis, phases)] };
}

/** The call may also end by its signal, some milliseconds after it was submitted; 0: at once. */
export function aborted(call, millis) {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = () => controller.abort(new Error('enough of this call'));
  return {
    ...call,
    options: { ...call.options, signal },
    begun: () => (millis === 0 ? abort() : setTimeout(abort, millis)),
    allowed: [...call.allowed, aborts(signal)],
  };
}

/** The call never gets far enough to answer. */
export function forEver(call) {
  return { ...call, allowed: [], takesMillis: 0 };
}

/** The call where its pool counts it nowhere: a checkout is not a call of a guest. */
export function uncounted(call) {
  return { ...call, allowed: call.allowed.map((outcome) => ({ ...outcome, counts: null })) };
}

function holds(wanted, given, same) {
  return typeof wanted === 'function' ? wanted(given) : same(wanted, given);
}
