#!/bin/sh
# Writes dist/SHA256SUMS: of all that is given away, by names below dist. `sha256sum -c SHA256SUMS` checks it there.
set -eu
cd "$(dirname "$0")/../dist"
find archives wheels go -type f 2>/dev/null | LC_ALL=C sort | xargs sha256sum >SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
