#!/bin/sh
# package.sh BUILT PLATFORM [TOOLS]: fills dist/ from the folder of cargo's that holds the libraries: as an installed
# package, as an archive, its debug files as another, as a .deb, and their checksums. dist/lib and dist/include are put
# in place whole. PLATFORM is named as in linux-x86_64-gnu. TOOLS: as for strip.sh.
set -eu
cd "$(dirname "$0")/.."
built=$1 platform=$2
version=$(sh packaging/version.sh)
mkdir -p dist
work=$(mktemp -d dist/new.XXXXXX)
trap 'rm -rf "$work"' EXIT
sh packaging/strip.sh "$built/libmqproducer.so" "$built/libmqproducer.a" "$work/libraries" "${3-}"
sh packaging/tree.sh "$work/libraries" "$work/tree"

sh packaging/give.sh "$platform" "$work/libraries"
sh packaging/checksums.sh

cp "$work/libraries/libmqproducer.so.$version.debug" "$work/tree/lib/"
for folder in lib include; do
    [ ! -e "dist/$folder" ] || mv "dist/$folder" "$work/old-$folder"
    mv "$work/tree/$folder" "dist/$folder"
done
ls -l dist/lib dist/archives
