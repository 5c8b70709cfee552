// A component that passes on records, lists and strings, and the outcome that each of its calls must have.
import { wat2wasm } from '../../dist/index.js';
import { BUMP_ALLOCATOR, HEAP_START } from '../shared/bump-allocator.mjs';
import { answers, fails } from './outcomes.mjs';

// A record in memory: its number, label, weights and tags.
const RECORD_BYTES = 28;

const TEXT = `(component
  (type $item' (record
    (field "id" u32) (field "label" string) (field "weights" (list f64)) (field "all-tags" (list string))))
  (import "item" (type $item (eq $item')))
  (import "stamp" (func $stamp (param "id" u32) (param "label" string) (result string)))
  (core module $libc
    (memory (export "memory") 4)
    ${BUMP_ALLOCATOR}
    ;; Called after a call: frees everything.
    (func (export "reset") (param i32) (global.set $next (i32.const ${HEAP_START}))))
  (core instance $libc (instantiate $libc))
  (core func $stamp (canon lower (func $stamp) (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core module $m
    (import "libc" "memory" (memory 4))
    (import "host" "stamp" (func $stamp (param i32 i32 i32 i32)))
    (func (export "echo") (param $at i32) (param $count i32) (result i32)
      (i32.store (i32.const 8) (local.get $at))
      (i32.store (i32.const 12) (local.get $count))
      (i32.const 8))
    (func (export "take") (param $at i32) (param $count i32) (param $which i32) (result i32)
      (if (i32.lt_u (local.get $which) (local.get $count))
        (then
          (i32.store8 (i32.const 64) (i32.const 0))
          (memory.copy
            (i32.const 68)
            (i32.add (local.get $at) (i32.mul (local.get $which) (i32.const ${RECORD_BYTES})))
            (i32.const ${RECORD_BYTES})))
        (else
          (i32.store8 (i32.const 64) (i32.const 1))
          (i32.store (i32.const 68) (local.get $which))))
      (i32.const 64))
    (func (export "stamped") (param $id i32) (param $at i32) (param $length i32) (result i32)
      (call $stamp (local.get $id) (local.get $at) (local.get $length) (i32.const 8))
      (i32.const 8))
    (func (export "lose") (param $at i32) (param $count i32) unreachable))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc)) (with "host" (instance (export "stamp" (func $stamp))))))
  (func (export "echo") (param "all" (list $item)) (result (list $item))
    (canon lift (core func $i "echo") (memory $libc "memory") (realloc (func $libc "realloc"))
      (post-return (func $libc "reset"))))
  (func (export "take") (param "all" (list $item)) (param "which" u32) (result (result $item (error u32)))
    (canon lift (core func $i "take") (memory $libc "memory") (realloc (func $libc "realloc"))
      (post-return (func $libc "reset"))))
  (func (export "stamped") (param "id" u32) (param "label" string) (result string)
    (canon lift (core func $i "stamped") (memory $libc "memory") (realloc (func $libc "realloc"))
      (post-return (func $libc "reset"))))
  (func (export "lose") (param "all" (list $item))
    (canon lift (core func $i "lose") (memory $libc "memory") (realloc (func $libc "realloc")))))`;

export function loadRecordGuest(engine) {
  return engine.loadComponent(wat2wasm(TEXT));
}

/** A few records that only this call has. */
export function someRecords(id, random) {
  return Array.from({ length: random.between(1, 6) }, (_, index) => ({
    id: (id + index) >>> 0,
    label: `${id}: ${random.word(random.between(0, 40))}`,
    weights: Float64Array.from({ length: random.between(0, 5) }, () => random.next() * id),
    allTags: Array.from({ length: random.between(0, 4) }, () => random.word(random.between(0, 12))),
  }));
}

/** The host's stamp for a record. */
export function stamp(id, label) {
  return `${label} ✓ ${id}`;
}

/** The calls, as those of `core`. */
export const records = {
  echo: (_id, all) => ({ name: 'echo', args: [all], allowed: [answers(all)] }),

  take: (_id, all, which) => ({ name: 'take', args: [all, which], allowed: [answers(all[which])] }),

  /** Asks for a record that is not there: the guest returns an `err`. */
  miss: (id, all) => ({
    name: 'take',
    args: [all, id + all.length],
    allowed: [fails('ERR_GUEST', {}, { payload: id + all.length })],
  }),

  stamped: (id, label, host = stamp) => ({
    name: 'stamped',
    args: [id, label],
    host,
    allowed: [answers(stamp(id, label))],
  }),

  lose: (_id, all) => ({
    name: 'lose',
    args: [all],
    allowed: [fails('ERR_TRAP', { trap: 'wasm `unreachable` instruction executed' })],
  }),

  /** More than the pool's `maxResultBytes`. */
  tooLarge: (id, pool) => ({
    name: 'echo',
    args: [[{ id, label: 'x'.repeat(pool.maxResultBytes + 1), weights: [], allTags: [] }]],
    allowed: [fails('ERR_RESULT_TOO_LARGE', { option: 'maxResultBytes', limit: pool.maxResultBytes })],
  }),
};
