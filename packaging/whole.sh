#!/bin/sh
# whole.sh FROM TO [TOOLS]: makes an archive of one object of which only the listed functions can be seen and what they
# do not need is gone: smaller, and it can be linked beside other libraries in Rust. TOOLS: as for strip.sh.
set -eu
from=$1 to=$2 tools=${3-}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n 's/^\(mqp_[a-z0-9_]*\).*/\1/p' "$here/../tests/abi/symbols.txt" >"$work/symbols"
# Every listed function is a root of what is kept.
sed 's/^/--undefined=/' "$work/symbols" >"$work/roots"
# Bitcode of the standard library, of which one object would hold a meaningless heap.
"${tools}objcopy" --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd "$from" "$work/plain.a"
"${tools}ld" -r --gc-sections "@$work/roots" -o "$work/mqproducer.o" --whole-archive "$work/plain.a"
# Groups of the same name in another library would take the place of these, which can then not be seen there.
"${tools}readelf" -gW "$work/mqproducer.o" |
    sed -n 's/^COMDAT group section .* \[\(.*\)\] contains.*/\1 mqproducer.\1/p' >"$work/groups"
"${tools}objcopy" --redefine-syms="$work/groups" --keep-global-symbols="$work/symbols" "$work/mqproducer.o"
"${tools}strip" --strip-unneeded "$work/mqproducer.o"
rm -f "$to"
"${tools}ar" rcsD "$to" "$work/mqproducer.o"
