#!/bin/sh
# rustflags.sh [TARGET]: prints flags for Rust's compiler by which a library names no folder of the machine it was built
# on: the same sources give the same bytes anywhere, and it is some thousand bytes smaller.
set -eu
cd "$(dirname "$0")/.."
# The folders of the sources are there from then on.
${CARGO:-cargo} fetch --quiet --locked --target "${1:-$(rustc -vV | sed -n 's/^host: //p')}"
for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
    printf -- '--remap-path-prefix=%s= ' "$folder"
done
printf -- '--remap-path-prefix=%s/=\n' "$PWD"
