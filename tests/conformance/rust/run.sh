#!/bin/sh
# The Rust runner; see tests/conformance/README.md.
set -eu
cd "$(dirname "$0")/../../.."
exec "${CARGO:-cargo}" test -q --test conformance -- run "$@"
