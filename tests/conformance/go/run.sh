#!/bin/sh
# Builds the Go runner against the library in the target folder, and runs it; see tests/conformance/README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
lib=${CARGO_TARGET_DIR:-$root/target}/debug
mkdir -p "$lib/conformance"
program=$lib/conformance/go-runner
(cd "$here" && CGO_LDFLAGS="'-L$lib' '-Wl,-rpath,$lib'" go build -o "$program" .)
exec "$program" "$@"
