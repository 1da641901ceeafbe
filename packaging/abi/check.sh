#!/bin/sh
# check.sh: what the C surface was when its baseline was written is compared with what it is, by abidiff: symbols, the
# parameters of functions, layouts of structs. `check.sh write` writes the baseline anew. See docs/ABI.md.
set -eu
cd "$(dirname "$0")/../.."
baseline=packaging/abi/mqproducer.abi
if ! command -v abidiff >/dev/null 2>&1; then
    echo "abidiff: NOT RUN, it is not installed (Debian's package abigail-tools)"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh packaging/abi/surface.sh include/mqproducer.h "$work/libmqproducer.so"
nm -D --defined-only "$work/libmqproducer.so" | awk '$2 == "T" {print $3}' | LC_ALL=C sort >"$work/seen"
sed -n 's/^\(mqp_[a-z0-9_]*\).*/\1/p' tests/abi/symbols.txt | LC_ALL=C sort | diff - "$work/seen"
if [ "${1-}" = write ]; then
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --no-parameter-names --out-file "$baseline" "$work/libmqproducer.so"
    echo "written: $baseline"
    exit 0
fi
# A new function takes nothing from anybody: the baseline gets it when it is written for a release.
same() { abidiff --no-show-locs --no-added-syms "$baseline" "$1" >"$work/report" 2>&1; }
# sees WHAT FROM TO: a header in which TO stands for FROM must not pass.
sees() {
    mkdir -p "$work/other"
    sed "s/$2/$3/" include/mqproducer.h >"$work/other/mqproducer.h"
    ! cmp -s include/mqproducer.h "$work/other/mqproducer.h" || { echo "the header has no /$2/ to change"; exit 1; }
    sh packaging/abi/surface.sh "$work/other/mqproducer.h" "$work/other/libmqproducer.so"
    if same "$work/other/libmqproducer.so"; then
        echo "abidiff did not see $1"
        exit 1
    fi
}
sees "a field of another type" 'uint32_t timeout_ms;' 'uint64_t timeout_ms;'
sees "a parameter of another type" 'mqp_producer_flush(struct mqp_producer \*producer, uint32_t' 'mqp_producer_flush(struct mqp_producer *producer, uint16_t'
sees "a function that is gone" 'mqp_version_number(' 'mqp_version_other('
if ! same "$work/libmqproducer.so"; then
    cat "$work/report"
    echo "The C surface differs from its baseline. When nothing but additions stand above: sh packaging/abi/check.sh write"
    exit 1
fi
known=$(grep -c "<elf-symbol name='mqp_" "$baseline")
echo "abidiff: $known functions and their types as in the baseline, $(($(wc -l <"$work/seen") - known)) new; three changes were seen"
