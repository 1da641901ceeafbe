#!/bin/sh
# platforms.sh: what is not built as a package compiles, as far as that can be told without its linker and C compiler:
# macOS, without TLS and Zstandard, whose C parts would have to be built. On Windows a build says at
# once why there is none. Takes rustup, which gets the standard library of each.
set -eu
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rustup target add --toolchain "$(rustup show active-toolchain | cut -d' ' -f1)" aarch64-apple-darwin x86_64-apple-darwin x86_64-pc-windows-gnu >"$work/log" 2>&1 ||
    { cat "$work/log"; exit 1; }
for target in aarch64-apple-darwin x86_64-apple-darwin; do
    $CARGO check --quiet --locked --lib --target $target --no-default-features --features capi,mock,lz4
    echo "$target: compiles, without TLS and Zstandard; not linked, not run"
done
if $CARGO check --quiet --locked --lib --target x86_64-pc-windows-gnu --no-default-features >"$work/log" 2>&1; then
    echo "Windows compiles: say so in docs/INSTALL.md"
    exit 1
fi
grep -q 'mqproducer needs a Unix system' "$work/log"
echo "x86_64-pc-windows-gnu: refused with a reason"
