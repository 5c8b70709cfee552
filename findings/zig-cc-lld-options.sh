#!/usr/bin/env bash
# zig cc of zig 0.17.1 (PyPI) links by LLD, and says so in what it makes, but refuses options that LLD itself takes: folding of
# identical code and packed relocations. Build systems that find LLD and then pass them fail.
#
# Seen, November 2026:
#   -Wl,--icf=all                  error: unsupported linker arg: --icf
#   -Wl,--pack-dyn-relocs=relr     error: unsupported linker arg: --pack-dyn-relocs
#   -Wl,--gc-sections              taken
#   .comment of the result         Linker: LLD
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv zig
zig/bin/pip install --quiet --disable-pip-version-check ziglang==0.17.1
echo 'int answer(void) { return 42; }' >answer.c

link() { zig/bin/python -m ziglang cc -target x86_64-linux-gnu.2.28 -shared answer.c -o answer.so "$@" 2>&1; }
for option in --icf=all --pack-dyn-relocs=relr; do
  if output=$(link "-Wl,$option"); then
    echo "changed: $option is taken" >&2
    exit 1
  fi
  grep -q "unsupported linker arg: ${option%%=*}" <<<"$output" || { echo "changed: $option: $output" >&2; exit 1; }
  echo "$option: $(head -n 1 <<<"$output")"
done
link -Wl,--gc-sections
echo '--gc-sections: taken'
grep -aq 'Linker: LLD' answer.so || { echo 'changed: another linker than LLD' >&2; exit 1; }
echo 'linked by LLD'
