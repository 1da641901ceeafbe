#!/bin/sh
# wheel.sh PLATFORM LIBRARIES: makes dist/wheels/mqproducer-VERSION-py3-none-….whl, with the library inside.
# MQP_WHEEL_TAG: another platform in its name, for a library that fits this machine only.
# wheel.sh sdist: makes the source distribution, with the sources of the library inside.
set -eu
cd "$(dirname "$0")/.."
version=$(sh packaging/version.sh)
target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/packages/python
if ! "$tools/bin/python" -c 'import build, setuptools, wheel' 2>/dev/null; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q build 'setuptools>=77' wheel
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p dist/wheels "$work/source"
cp -R bindings/python/mqproducer bindings/python/pyproject.toml bindings/python/setup.py bindings/python/README.md LICENSE "$work/source/"
find "$work/source" -name __pycache__ -prune -exec rm -rf {} +
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-315532800}"
if [ "$1" = sdist ]; then
    cp bindings/python/MANIFEST.in "$work/source/"
    mkdir "$work/source/core"
    # The files of the crate, as they would be published, and the manifest and versions as they are here.
    ${CARGO:-cargo} package --list --allow-dirty | grep -vE '^(\.|Cargo\.(toml\.orig|lock)$|tests/|examples/|bindings/|docs/)' |
        while read -r file; do
            [ ! -f "$file" ] || install -D -m 644 "$file" "$work/source/core/$file"
        done
    cp Cargo.lock "$work/source/core/"
    sed -i 's/^members = .*/members = ["."]/; /^\[\[\(test\|example\)\]\]$/,/^$/d' "$work/source/core/Cargo.toml"
    (cd "$work/source/core" && ${CARGO:-cargo} metadata --offline --format-version 1 >/dev/null)
    "$tools/bin/python" -m build -q --no-isolation --sdist --outdir dist/wheels "$work/source"
    ls -l dist/wheels/*.tar.gz
    exit 0
fi
platform=$1
processor=${platform#linux-}
processor=${processor%-*}
case $platform in
linux-*-gnu) tag=manylinux_2_17_$processor ;;
linux-*-musl) tag=musllinux_1_2_$processor ;;
*) echo "wheel.sh: no platform '$platform'" >&2; exit 2 ;;
esac
tag=${MQP_WHEEL_TAG:-$tag}
MQPRODUCER_BUNDLE="$(realpath "$2")/libmqproducer.so.$version" MQPRODUCER_PLATFORM=$tag \
    "$tools/bin/python" -m build -q --no-isolation --wheel --outdir dist/wheels "$work/source"
ls -l "dist/wheels/mqproducer-$version-py3-none-$tag.whl"
