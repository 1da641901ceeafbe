#!/bin/sh
# surface.sh HEADER OUT: makes OUT, a shared library with an empty body for each function that HEADER declares, from
# which libabigail can read all functions and types of the C surface. The library itself tells of no C types.
set -eu
header=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$header" "$work/mqproducer.h"
# Of the preprocessed header the declarations, each on one line; of those the functions' become definitions.
{
    echo '#include <mqproducer.h>'
    echo '#include <mqproducer.h>' | ${CC:-cc} -E -P -I"$work" -x c - | tr '\n' ' ' | tr ';' '\n' |
        sed -n 's/^.*__attribute__ *((visibility("default")))/&/; s/^ *\(.*[ *]mqp_[a-z0-9_]* *([^{}]*)\) *$/\1 { __builtin_trap(); }/p' |
        grep -v typedef
} >"$work/surface.c"
${CC:-cc} -std=c11 -g -O0 -shared -fPIC -I"$work" -o "$out" "$work/surface.c"
