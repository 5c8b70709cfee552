#!/bin/sh
# `rustc -C linker`: rustc's arguments for a C compiler, to zig's. Left out: what names another linker,
# and the unwinder, which is given as a file: zig would put in one of its own, and the process has that of glibc already.
set -eu
for argument; do
  shift
  case "$argument" in
    -B* | -fuse-ld=* | -lgcc_s) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
# The command is words, as `python3 -m ziglang`.
# shellcheck disable=SC2086
exec $ZIG_COMMAND cc -target "$ZIG_TARGET" "$@" "$ZIG_LIBGCC"
