#!/bin/sh
# The model checker on the outbox, the in-flight table, the role of the reader, the completion and its queue, the relay: every interleaving of small cases.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
RUSTFLAGS="--cfg mqp_loom" CARGO_TARGET_DIR=$target/loom ${CARGO:-cargo} test --no-default-features --lib loom_checks
