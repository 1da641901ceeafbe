#!/bin/sh
# Unit, codec, property, header, C ABI and embedded-cluster tests, and the build without the C surface.
set -eu
cd "$(dirname "$0")/../.."
CARGO=${CARGO:-cargo}
$CARGO build
$CARGO test --lib --examples
$CARGO test --doc
for file in tests/*.rs; do
    name=$(basename "$file" .rs)
    # That one needs a real cluster.
    [ "$name" = cluster_selftest ] || set -- "$@" --test "$name"
done
$CARGO test --no-fail-fast "$@"
$CARGO test --no-default-features --test security
