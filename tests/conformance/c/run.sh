#!/bin/sh
# Builds the C runner against the library in the target folder, and runs it; see tests/conformance/README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
lib=${CARGO_TARGET_DIR:-$root/target}/debug
mkdir -p "$lib/conformance"
program=$lib/conformance/c-runner
"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror "-I$root/include" "$here"/*.c -o "$program" \
    "-L$lib" -lmqproducer "-Wl,-rpath,$lib" -lpthread -lm
exec "$program" "$@"
