#!/bin/sh
# release.sh COMMIT: makes what a release gives away out of a clean clone of COMMIT, in dist/release of
# this repository: builds every platform, tries all of it in empty roots (packaging/proof.sh), and shows that what is there
# then is what was tried: the checksums before and after, and a library of this machine's kind built a second time, in
# another folder, is the same byte for byte. dist/release/RELEASE.md tells commit, compilers, and what was tried. Takes what
# `./dev packages` and packaging/proof.sh take. MQP_RELEASE_ARCHITECTURES: those to try (amd64 arm64).
set -eu
cd "$(dirname "$0")/.."
root=$PWD
commit=$(git rev-parse --verify "$1^{commit}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone -q --no-hardlinks "$root" "$work/clone"
cd "$work/clone"
git checkout -q "$commit"
version=$(sh packaging/version.sh)
sh packaging/version.sh check
# A released version has its date; until then the changelog calls it not released.
heading=$(grep -m 1 "^## $version" CHANGELOG.md)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
CARGO_TARGET_DIR=$work/target make packages
cp dist/SHA256SUMS "$work/built"
# The architectures are words.
# shellcheck disable=SC2086
CARGO_TARGET_DIR=$work/target sh packaging/proof.sh ${MQP_RELEASE_ARCHITECTURES:-amd64 arm64} >"$work/proof" ||
    { cat "$work/proof"; exit 1; }
cat "$work/proof"
(cd dist && sha256sum --quiet --strict -c "$work/built")
cmp dist/SHA256SUMS "$work/built"

platform=linux-$(uname -m)-gnu
git clone -q "$work/clone" "$work/second"
(cd "$work/second" && CARGO_TARGET_DIR=$work/again sh packaging/cross.sh "$platform")
same=libraries/libmqproducer.so.$version
cmp "$work/target/packages/$platform/$same" "$work/again/packages/$platform/$same"

{
    echo "# mqproducer $version"
    echo
    echo "Commit $commit ($heading), built by $(rustc -V), zig from PyPI as packaging/cross.sh names it."
    echo "$platform built twice, in two folders: the same bytes."
    echo
    echo '```text'
    cat "$work/proof"
    echo
    cat "$work/built"
    echo '```'
} >dist/RELEASE.md
rm -rf "$root/dist/release"
mkdir -p "$root/dist"
mv dist "$root/dist/release"
[ -z "$(git status --porcelain)" ] || { git status --short; echo "building has changed the clone"; exit 1; }
echo "$root/dist/release: $version of $commit"
