#!/bin/sh
# cargo's `rustc-wrapper`: file names inside the binary (in messages of panics) say which crate, and not where this machine keeps it.
# A flag in RUSTFLAGS would do the same, and have Wasmtime compiled anew in each clone, since it holds the clone's path.
set -eu
rustc=$1
shift
for crates in "${CARGO_HOME:-${HOME:-}/.cargo}"/registry/src/*/; do
  set -- "$@" "--remap-path-prefix=${crates%/}=crates"
done
# Where a build script writes; of two prefixes that fit, rustc takes the later.
if [ -n "${OUT_DIR:-}" ]; then
  set -- "$@" "--remap-path-prefix=$OUT_DIR=out"
fi
# Once: it may be this script, where RUSTC_WRAPPER names it already.
next=${NEXT_RUSTC_WRAPPER:-}
unset NEXT_RUSTC_WRAPPER
if [ -n "$next" ]; then
  exec "$next" "$rustc" "$@"
fi
exec "$rustc" "$@"
