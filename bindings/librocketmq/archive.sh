#!/bin/sh
# archive.sh FROM TO: makes an archive of one object of which only the listed functions can be seen, so that it can be
# linked beside other libraries in Rust.
set -eu
from=$1 to=$2
symbols=$(dirname "$0")/symbols.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Every listed function is a root of what is kept.
sed 's/^/--undefined=/' "$symbols" >"$work/roots"
ld -r --gc-sections "@$work/roots" -o "$work/librocketmq.o" --whole-archive "$from"
objcopy --keep-global-symbols="$symbols" --strip-debug "$work/librocketmq.o"
rm -f "$to"
ar rcs "$to" "$work/librocketmq.o"
