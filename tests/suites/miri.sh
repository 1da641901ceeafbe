#!/bin/sh
# Miri on the parts that run without sockets: the in-flight table, the outbox, the role of the reader, completions, and src/ffi.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    if command -v rustup >/dev/null 2>&1; then
        timeout 300 rustup toolchain install nightly --profile minimal --component miri --component rust-src || true
    fi
fi
if ! cargo +nightly miri --version; then
    echo "not run: Miri comes with rustup only: rustup toolchain install nightly --component miri --component rust-src"
    exit 0
fi
export MIRIFLAGS="-Zmiri-disable-isolation"
CARGO_TARGET_DIR=$target/miri cargo +nightly miri test --lib -- \
    net::inflight net::outbox net::reading ffi:: completion:: completion_queue:: producer::admission
