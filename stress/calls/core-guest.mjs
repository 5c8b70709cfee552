// A core module that does everything a guest may do, and the outcome that each of its calls must have.
//
// A call carries a number of its own (`id`) and gives it back beside its answer, so that an answer to another call is
// noticed. Each call marks its instance as spoilt until it is through: where an instance is used after a call on it
// failed, the next one traps in `$used-after-a-failure`.
import { isDeepStrictEqual } from 'node:util';
import { wat2wasm } from '../../dist/index.js';
import { answers, fails } from './outcomes.mjs';

const PAGE = 65_536;
const MULTIPLIER = 1_664_525;
const INCREMENT = 1_013_904_223;

const TEXT = `(module
  (import "env" "ask" (func $ask (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (global $spoilt (mut i32) (i32.const 0))
  (global $uses (mut i32) (i32.const 0))
  (func $used-after-a-failure unreachable)
  (func $begin
    (if (global.get $spoilt) (then (call $used-after-a-failure)))
    (global.set $uses (i32.add (global.get $uses) (i32.const 1)))
    (global.set $spoilt (i32.const 1)))
  (func $end (global.set $spoilt (i32.const 0)))

  (func (export "mix") (param $id i32) (param $rounds i32) (result i32 i32)
    (local $x i32)
    (call $begin)
    (local.set $x (local.get $id))
    (loop $again
      (if (local.get $rounds) (then
        (local.set $x (i32.add (i32.mul (local.get $x) (i32.const ${MULTIPLIER})) (i32.const ${INCREMENT})))
        (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
        (br $again))))
    (call $end)
    (local.get $id) (local.get $x))

  ;; Which of its instance's calls it is, and how large it finds the instance.
  (func (export "count") (param $id i32) (result i32 i32 i32)
    (call $begin)
    (call $end)
    (local.get $id) (global.get $uses) (memory.size))

  ;; Leaves its number in memory, and gives the one that was there.
  (func (export "visit") (param $id i32) (result i32 i32)
    (local $before i32)
    (call $begin)
    (local.set $before (i32.load (i32.const 1024)))
    (i32.store (i32.const 1024) (local.get $id))
    (call $end)
    (local.get $id) (local.get $before))

  ;; Grows, leaves its number in the new memory, and gives what was there.
  (func (export "spread") (param $id i32) (param $pages i32) (result i32 i32)
    (local $at i32)
    (local $before i32)
    (call $begin)
    (local.set $at (i32.mul (memory.grow (local.get $pages)) (i32.const ${PAGE})))
    (local.set $before (i32.load (local.get $at)))
    (i32.store (local.get $at) (local.get $id))
    (call $end)
    (local.get $id) (local.get $before))

  (func (export "ask") (param $id i32) (result i32 i32)
    (local $answer i32)
    (call $begin)
    (local.set $answer (call $ask (local.get $id)))
    (call $end)
    (local.get $id) (local.get $answer))

  (func (export "nap") (param $id i32) (param $nanos i64) (result i32 i32)
    (local $errno i32)
    (call $begin)
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (local.get $nanos))
    (local.set $errno (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
    (call $end)
    (local.get $id) (local.get $errno))

  (func (export "grow") (param $id i32) (param $pages i32) (result i32 i32)
    (local $before i32)
    (call $begin)
    (local.set $before (memory.grow (local.get $pages)))
    (call $end)
    (local.get $id) (local.get $before))

  (func (export "grow-or-trap") (param $pages i32)
    (call $begin)
    (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
    (call $end))

  (func (export "exit") (param $status i32) (call $begin) (call $exit (local.get $status)))
  (func (export "give-up") (call $begin) unreachable)
  (func (export "divide") (param i32 i32) (result i32)
    (call $begin)
    (i32.div_s (local.get 0) (local.get 1))
    (call $end))
  (func (export "read") (param i32) (result i32)
    (call $begin)
    (i32.load (local.get 0))
    (call $end))
  (func (export "spin") (call $begin) (loop (br 0)))
  (func (export "overflow") (param i32) (result i32)
    (call $begin)
    (call $recurse (local.get 0))
    (call $end))
  (func $recurse (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))`;

export function loadCore(engine) {
  return engine.loadModule(wat2wasm(TEXT));
}

/** The result of `mix`, in steps that double: as many single steps as in the guest would block the event loop. */
function mixed(id, rounds) {
  let [x, multiplier, increment] = [id, MULTIPLIER, INCREMENT];
  for (let left = rounds; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) x = (Math.imul(x, multiplier) + increment) | 0;
    increment = (Math.imul(increment, multiplier) + increment) | 0;
    multiplier = Math.imul(multiplier, multiplier);
  }
  return x | 0;
}

/** Whether the numbers of a call fit each other. */
function plausible({ wallMillis, cpuMillis, queueMillis, pagesBefore, pagesAfter, peakPages, stdout }) {
  return (
    queueMillis >= 0 &&
    wallMillis > queueMillis &&
    (cpuMillis === undefined || cpuMillis >= 0) &&
    pagesBefore >= 1 &&
    pagesAfter >= pagesBefore &&
    peakPages >= pagesAfter &&
    stdout === ''
  );
}

/** An answer of the host that no other call gets. */
export function hostAnswer(id) {
  return Math.imul(id, 0x9e3779b1) | 0;
}

const trap = (text) => [
  fails('ERR_TRAP', { trap: text, backtrace: (frames) => !frames.join().includes('used-after') }),
];
const refusal = (pages, pool) =>
  fails('ERR_MEMORY_LIMIT', {
    requestedBytes: pages * PAGE,
    heldBytes: PAGE, // nothing here grows an instance that is kept
    limitBytes: pool.maxMemoryPages * PAGE,
    limitedBy: 'instance',
  });

/** The calls. `allowed` has the ways they may end if no caller ends them early; `host` answers the guest's question. */
export const core = {
  mix: (id, rounds) => ({ name: 'mix', args: [id, rounds], allowed: [answers([id, mixed(id, rounds)])] }),

  /** Measured; on an engine with fuel its fuel too. */
  measured: (id, rounds) => ({
    submit: ({ pool }, options) => pool.callWithStats('mix', [id, rounds], options),
    allowed: [answers(({ value, stats }) => isDeepStrictEqual(value, [id, mixed(id, rounds)]) && plausible(stats))],
  }),

  /** Measured too; grows by `pages`. */
  spreadMeasured: (id, pages) => ({
    submit: ({ pool }, options) => pool.callWithStats('spread', [id, pages], options),
    allowed: [
      answers(
        ({ value, stats }) =>
          isDeepStrictEqual(value, [id, 0]) && plausible(stats) && stats.pagesAfter - stats.pagesBefore === pages,
      ),
    ],
  }),

  /** Finds an instance that was neither used nor grown more than its pool allows. */
  count: (id, { maxUses, recycleAbovePages }) => ({
    name: 'count',
    args: [id],
    allowed: [
      answers(([own, uses, pages]) => own === id && uses >= 1 && uses <= maxUses && pages <= recycleAbovePages),
    ],
  }),

  /** Sees what an earlier guest left: nothing in a fresh instance, another call's number in one that is kept. */
  visit: (id, pool) => ({
    name: 'visit',
    args: [id],
    allowed: [answers(pool.reuse ? ([own, before]) => own === id && before !== id && before >= 0 : [id, 0])],
  }),

  /** Only for pools that do not keep what grew. */
  spread: (id, pages) => ({ name: 'spread', args: [id, pages], allowed: [answers([id, 0])] }),

  ask: (id, host = () => hostAnswer(id)) => ({
    name: 'ask',
    args: [id],
    host,
    allowed: [answers([id, hostAnswer(id)])],
  }),

  /** The host function throws, or rejects with, `cause`. */
  askInVain: (id, cause, later) => ({
    ...core.ask(id, () => {
      if (later) return Promise.reject(cause);
      throw cause;
    }),
    allowed: [fails('ERR_HOST_FUNCTION', { function: 'env#ask' }, { cause })],
  }),

  /** The host function returns a value that is not an i32. */
  askForWords: (id, words) => ({
    ...core.ask(id, () => words),
    allowed: [fails('ERR_HOST_FUNCTION', { path: 'result', function: 'env#ask', received: `string "${words}"` })],
  }),

  nap: (id, millis) => ({
    name: 'nap',
    args: [id, BigInt(millis) * 1_000_000n],
    allowed: [answers([id, 0])],
    takesMillis: millis,
  }),

  /** A growth that is refused, and that the guest gets over. */
  growInVain: (id, pages) => ({ name: 'grow', args: [id, pages], growFailures: 1, allowed: [answers([id, -1])] }),

  growOrTrap: (_id, pages, pool) => ({
    name: 'grow-or-trap',
    args: [pages],
    growFailures: 1,
    allowed: [refusal(pages, pool)],
  }),

  exitWell: () => ({ name: 'exit', args: [0], allowed: [answers(undefined)] }),
  exit: (status) => ({ name: 'exit', args: [status], allowed: [fails('ERR_EXIT', { status, stdout: '' })] }),
  giveUp: () => ({ name: 'give-up', args: [], allowed: trap('wasm `unreachable` instruction executed') }),
  divideByZero: (id) => ({ name: 'divide', args: [id, 0], allowed: trap('integer divide by zero') }),
  readOutside: (id) => ({ name: 'read', args: [0x7000_0000 + id], allowed: trap('out of bounds memory access') }),
  overflow: (id) => ({
    name: 'overflow',
    args: [id],
    allowed: [fails('ERR_STACK_OVERFLOW', { trap: 'stack overflow' })],
  }),

  /** On an engine with fuel, of which it has enough: the fuel used and the fuel left add up to `maxFuel`. */
  fuelled: (id, rounds, { maxFuel }) => ({
    submit: ({ pool }, options) => pool.callWithStats('mix', [id, rounds], options),
    allowed: [
      answers(
        ({ value, stats: { fuelConsumed, fuelRemaining } }) =>
          isDeepStrictEqual(value, [id, mixed(id, rounds)]) &&
          fuelConsumed > rounds &&
          fuelConsumed + fuelRemaining === maxFuel,
      ),
    ],
  }),

  /** Never returns: ends only as its caller adds. */
  spin: () => ({ name: 'spin', args: [], allowed: [] }),
};
