#!/bin/sh
# all.sh PLATFORM...: builds the libraries for each, and fills dist/ with all that is given away of them.
set -eu
cd "$(dirname "$0")/.."
packages=${CARGO_TARGET_DIR:-$PWD/target}/packages
sh packaging/version.sh check
sh packaging/cross.sh "$@"
rm -rf dist/wheels dist/archives
for platform; do
    sh packaging/give.sh "$platform" "$packages/$platform/libraries" "$packages/$platform/librocketmq"
    sh packaging/wheel.sh "$platform" "$packages/$platform/libraries"
done
sh packaging/wheel.sh sdist
sh packaging/go.sh "$packages"
sh packaging/checksums.sh
cat dist/SHA256SUMS
