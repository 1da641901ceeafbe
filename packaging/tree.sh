#!/bin/sh
# tree.sh LIBRARIES ROOT [LIBDIR]: lays out ROOT as an installed package: the libraries in ROOT/LIBDIR (default: lib),
# the headers, and what pkg-config and CMake read. LIBRARIES holds libmqproducer.so.VERSION and libmqproducer.a.
# What tells of the places is relative to itself: the whole may be moved.
set -eu
from=$1 root=$2 libdir=${3:-lib}
here=$(cd "$(dirname "$0")" && pwd)
version=$(sh "$here/version.sh")
major=${version%%.*}
up=$(echo "$libdir" | sed 's|[^/][^/]*|..|g')

mkdir -p "$root/$libdir/pkgconfig" "$root/$libdir/cmake/mqproducer" "$root/include"
install -m 644 "$from/libmqproducer.so.$version" "$from/libmqproducer.a" "$root/$libdir/"
ln -sf "libmqproducer.so.$version" "$root/$libdir/libmqproducer.so.$major"
ln -sf "libmqproducer.so.$major" "$root/$libdir/libmqproducer.so"
cp "$here/../include/mqproducer.h" "$root/include/"
cp -R "$here/../bindings/cpp/include/." "$root/include/"
sed "s|@VERSION@|$version|g; s|@UP@|$up|g; s|@LIBDIR@|$libdir|g" "$here/mqproducer.pc" >"$root/$libdir/pkgconfig/mqproducer.pc"
for file in mqproducer-config mqproducer-config-version; do
    sed "s|@VERSION@|$version|g; s|@MAJOR@|$major|g; s|@UP@|$up|g; s|@LIBDIR@|$libdir|g" "$here/cmake/$file.cmake" \
        >"$root/$libdir/cmake/mqproducer/$file.cmake"
done
