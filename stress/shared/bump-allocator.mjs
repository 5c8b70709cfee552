// The memory allocator of guests written as WAT.

/** The first address it allocates; a guest may use the memory below it. */
export const HEAP_START = 1024;

/**
 * Fields of a core module: an allocator that never frees, exported as `realloc`. The global `$next` is the next free
 * address; setting it to `HEAP_START` frees everything at once.
 */
export const BUMP_ALLOCATOR = `
  (global $next (mut i32) (i32.const ${HEAP_START}))
  (func (export "realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))`;
