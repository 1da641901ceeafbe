#!/bin/sh
# archive.sh FROM TO [TOOLS]: makes an archive of one object of which only the listed functions can be seen, so that it can
# be linked beside other libraries in Rust. TOOLS: the prefix of the binutils of another processor.
set -eu
from=$1 to=$2 tools=${3-}
symbols=$(dirname "$0")/symbols.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Every listed function is a root of what is kept.
sed 's/^/--undefined=/' "$symbols" >"$work/roots"
# Bitcode of the standard library, of which one object would hold a meaningless heap.
"${tools}objcopy" --strip-debug --remove-section=.llvmbc --remove-section=.llvmcmd "$from" "$work/plain.a"
"${tools}ld" -r --gc-sections "@$work/roots" -o "$work/librocketmq.o" --whole-archive "$work/plain.a"
# Groups of the same name in another library would take the place of these, which can then not be seen there.
"${tools}readelf" -gW "$work/librocketmq.o" | sed -n 's/^COMDAT group section .* \[\(.*\)\] contains.*/\1 librocketmq.\1/p' >"$work/groups"
"${tools}objcopy" --redefine-syms="$work/groups" --keep-global-symbols="$symbols" "$work/librocketmq.o"
rm -f "$to"
"${tools}ar" rcsD "$to" "$work/librocketmq.o"
