#!/bin/sh
# give.sh PLATFORM LIBRARIES [LIBROCKETMQ]: packs stripped libraries, with their headers, into dist/archives: an archive, the debug file
# as another, and for glibc a .deb.
set -eu
cd "$(dirname "$0")/.."
platform=$1 libraries=$2
version=$(sh packaging/version.sh)
mkdir -p dist/archives
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
name=mqproducer-$version-$platform
install -D -m 644 LICENSE "$work/archive/share/doc/mqproducer/copyright"
sh packaging/tree.sh "$libraries" "$work/archive"
sh packaging/archive.sh "$work/archive" dist/archives "$name"
mkdir -p "$work/debug/lib"
cp "$libraries/libmqproducer.so.$version.debug" "$work/debug/lib/"
sh packaging/archive.sh "$work/debug" dist/archives "$name-debug"
case $platform in
linux-x86_64-gnu) architecture=amd64 ;;
linux-aarch64-gnu) architecture=arm64 ;;
*) architecture= ;;
esac
[ -z "$architecture" ] || sh packaging/deb.sh "$libraries" dist/archives "$architecture"
# The drop-in for the native client, where it was built, too.
[ -e "${3-}/librocketmq.so" ] || exit 0
install -D -m 644 LICENSE "$work/old/share/doc/librocketmq/copyright"
sh packaging/tree-librocketmq.sh "$3" "$work/old" lib
sh packaging/archive.sh "$work/old" dist/archives "librocketmq-$version-$platform"
[ -z "$architecture" ] || sh packaging/deb.sh "$3" dist/archives "$architecture" librocketmq
