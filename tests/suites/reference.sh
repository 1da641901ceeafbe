#!/bin/sh
# The reference of each language can be made, and no public name in it lacks its text. The checks are proven on names
# that lack theirs; the Go package's own tests look at Go.
set -eu
cd "$(dirname "$0")/../.."
make reference
target=${CARGO_TARGET_DIR:-$PWD/target}
export MQPRODUCER_LIBRARY="$target/debug/libmqproducer.so" PYTHONPATH=bindings/python
python3 tests/reference/python_docs.py --prove
python3 tests/reference/python_docs.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'void mqp_says_nothing(void);' | cat include/mqproducer.h - >"$work/mqproducer.h"
if (cat docs/Doxyfile && echo "INPUT=$work" && echo "OUTPUT_DIRECTORY=$work") | doxygen - 2>"$work/log"; then
    echo "doxygen took a function without a text"
    exit 1
fi
grep mqp_says_nothing "$work/log"
reference=$target/reference
for page in c/html/mqproducer_8h.html rust/mqproducer/index.html python/mqproducer.html go/mqproducer.txt; do
    [ -s "$reference/$page" ] || { echo "$page is missing"; exit 1; }
done
echo "summary: the reference of C, C++, Rust, Python and Go; no public name without a text"
