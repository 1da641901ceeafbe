#!/bin/sh
# Builds the C++ runner against the library in the target folder, and runs it; see tests/conformance/README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
lib=${CARGO_TARGET_DIR:-$root/target}/debug
mkdir -p "$lib/conformance"
program=$lib/conformance/cpp-runner
# Built once, and again when a part of it is newer.
if [ ! -x "$program" ] || [ -n "$(find "$here" "$root/bindings/cpp/include" "$root/include" -newer "$program" -type f)" ]; then
    "${CXX:-c++}" -std=c++17 -O1 -g -Wall -Wextra -Wconversion -Werror "-I$root/bindings/cpp/include" "-I$root/include" \
        "$here"/*.cpp -o "$program" "-L$lib" -lmqproducer "-Wl,-rpath,$lib" -pthread
fi
exec "$program" "$@"
