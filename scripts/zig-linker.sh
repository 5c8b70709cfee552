#!/bin/sh
# `rustc -C linker`: rustc's arguments for a C compiler, to zig's. Left out: what names another
# linker, and the unwinder, which is given as a file: zig would put in one of its own, and the process has libgcc's already.
set -eu
for argument; do
  shift
  case "$argument" in
    -B* | -fuse-ld=* | -lgcc_s) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
# These are words: none, or `-m ziglang`.
# shellcheck disable=SC2086
exec "$ZIG" $ZIG_ARGUMENTS cc -target "$ZIG_TARGET" "$@" "$ZIG_LIBGCC"
