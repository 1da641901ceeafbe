#!/bin/sh
# crate.sh WITH: the crate as it would be published: packed, built from the pack alone without the C surface, and that
# build exports no C function, neither for a linker nor for Rust programs. WITH is a library that has the C surface, on
# which the check is proven first. MQP_TEST_LONG=1: what `cargo publish` does up to the upload, with the C surface, too.
set -eu
with=$(realpath "$1")
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
# A folder of its own: what other tests load is not overwritten.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/crate"
version=$(sh packaging/version.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# plain OPTION FILE: what other languages could call: all that is defined there but names of Rust's own.
plain() {
    nm "$1" --defined-only "$2" >"$work/names" 2>/dev/null
    awk 'NF == 3 && $2 ~ /[A-Z]/ {print $3}' "$work/names" | grep -vE '^(_R|_ZN|DW\.ref\.|__rustc|rust_eh_personality$)' || :
}
[ "$(plain -D "$with" | grep -c '^mqp_')" -ge "$(grep -c '^mqp_' tests/abi/symbols.txt)" ] || { echo "crate.sh sees no function in $with"; exit 1; }
$CARGO package --quiet --allow-dirty --no-default-features
seen=$(plain -D "$CARGO_TARGET_DIR/debug/libmqproducer.so" && plain -g "$CARGO_TARGET_DIR/debug/libmqproducer.rlib")
[ -z "$seen" ] || { echo "the build without the feature capi has: $seen"; exit 1; }
# The names of Rust's own, which a program in Rust links by, were there to be seen.
[ "$(grep -c '_ZN\|_R' "$work/names")" -gt 100 ]
# What docs.rs builds.
grep -q '^\[package.metadata.docs.rs\]$' Cargo.toml
[ -z "${MQP_TEST_LONG-}" ] || $CARGO publish --dry-run --quiet --allow-dirty
size=$(wc -c <"$CARGO_TARGET_DIR/package/mqproducer-$version.crate")
# What a registry takes.
[ "$size" -lt 10485760 ]
echo "the crate: $size bytes packed; built from the pack without the C surface, which exports nothing then"
