#!/bin/sh
# `make package` and `make install`: the libraries are optimised as a whole, small, named, and export the listed symbols
# only; the C surface is what its baseline says; and an example builds against the installed package in each usual way.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
sh packaging/version.sh check
sh packaging/abi/check.sh
make package
version=$(sh packaging/version.sh)
platform=$(cd dist/archives && echo mqproducer-"$version"-linux-"$(uname -m)"-*.tar.gz | tr ' ' '\n' | sed -n "s/^mqproducer-$version-\(linux-[a-z0-9_]*-[a-z]*\)\.tar\.gz$/\1/p" | head -n 1)
# What this machine's glibc has is good for this machine.
MQP_GLIBC_FLOOR=99 sh packaging/inspect.sh "$platform" dist/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd dist && sha256sum --quiet -c SHA256SUMS)
echo "a byte more" >>dist/SHA256SUMS
if (cd dist && sha256sum --quiet --strict -c SHA256SUMS) >"$work/log" 2>&1; then echo "a line that is none was not seen"; exit 1; fi
sh packaging/checksums.sh

# Moved after it was installed, so that nothing finds it where it was; the static library alone in another place.
make install PREFIX=/usr/local DESTDIR="$work/stage"
mv "$work/stage/usr/local" "$work/installed"
sh packaging/tree.sh dist/lib "$work/static-only"
rm "$work"/static-only/lib/*.so*
lib=$work/installed/lib
sends() {
    name=$1
    shift
    LD_LIBRARY_PATH=$lib "$@" mock://package >"$work/sent" || { cat "$work/sent"; exit 1; }
    [ "$(grep -cE '^c (sync|async|oneway) id=[0-9A-F]{32} ' "$work/sent")" = 3 ] || { cat "$work/sent"; exit 1; }
    ways="${ways:+$ways, }$name"
}
# Whether it is linked to the shared library, by the name with the major version.
uses_shared() { readelf -d "$1" | grep -q "NEEDED.*\[libmqproducer\.so\.${version%%.*}\]"; }
has_it_inside() { if uses_shared "$1"; then echo "$1 takes the shared library"; exit 1; fi; }
flags="-std=c11 -Wall -Wextra -Werror"
export PKG_CONFIG_PATH="$lib/pkgconfig"
[ "$(pkg-config --modversion mqproducer)" = "$version" ]
# The flags are lists of words.
# shellcheck disable=SC2086,SC2046
{
    cc $flags -I"$work/installed/include" examples/c/send.c -o "$work/plain" -L"$lib" -lmqproducer
    uses_shared "$work/plain"
    sends "cc" "$work/plain"
    cc $flags -I"$work/installed/include" examples/c/send.c -o "$work/plain-static" "$lib/libmqproducer.a" -lpthread -ldl -lm
    has_it_inside "$work/plain-static"
    sends "cc with the archive" "$work/plain-static"
    cc $flags examples/c/send.c -o "$work/pc" $(pkg-config --cflags --libs mqproducer)
    uses_shared "$work/pc"
    sends "pkg-config" "$work/pc"
    export PKG_CONFIG_PATH="$work/static-only/lib/pkgconfig"
    cc $flags examples/c/send.c -o "$work/pc-static" $(pkg-config --static --cflags --libs mqproducer)
    has_it_inside "$work/pc-static"
    sends "pkg-config --static" "$work/pc-static"
}
mkdir "$work/cmake"
cat >"$work/cmake/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.16)
project(installed C)
find_package(mqproducer 0.1 REQUIRED)
foreach(kind shared static mqproducer)
  add_executable(with_\${kind} $root/examples/c/send.c)
  target_link_libraries(with_\${kind} PRIVATE mqproducer::\${kind})
endforeach()
find_package(mqproducer 0.2 QUIET)
if(mqproducer_FOUND)
  message(FATAL_ERROR "version $version passed for 0.2")
endif()
CMAKE
cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$work/installed" >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/cmake/build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
uses_shared "$work/cmake/build/with_shared"
uses_shared "$work/cmake/build/with_mqproducer"
has_it_inside "$work/cmake/build/with_static"
for kind in shared static mqproducer; do sends "CMake's mqproducer::$kind" "$work/cmake/build/with_$kind"; done

# The debug file belongs to the library: both have the same identity, and a debugger finds it by its name.
readelf -p .gnu_debuglink "dist/lib/libmqproducer.so.$version" | grep -q "libmqproducer.so.$version.debug"
readelf -S "dist/lib/libmqproducer.so.$version.debug" | grep -q '\.debug_line'
# Debian's package holds the same library, the headers, and its name.
for package in dist/archives/*_"$(dpkg --print-architecture 2>/dev/null || echo none)".deb; do
    [ -e "$package" ] || continue
    dpkg-deb -x "$package" "$work/deb"
    cmp "$work"/deb/usr/lib/*/libmqproducer.so."$version" "dist/lib/libmqproducer.so.$version"
    [ -e "$work/deb/usr/include/mqproducer.hpp" ]
    [ "$(dpkg-deb -f "$package" Package Version | tr '\n' ' ')" = "Package: mqproducer Version: $version " ]
done
# The crate, packed as a registry takes it.
sh packaging/crate.sh "dist/lib/libmqproducer.so.$version" | tee "$work/crate"
[ -z "${MQP_TEST_LONG-}" ] || ! command -v rustup >/dev/null 2>&1 || sh packaging/platforms.sh
# A wheel and a Go module with these libraries inside, each tried where nothing else is.
mkdir -p "$work/packages/$platform/libraries"
cp "dist/lib/libmqproducer.so.$version" "$work/packages/$platform/libraries/"
sh packaging/whole.sh dist/lib/libmqproducer.a "$work/packages/$platform/libraries/libmqproducer-whole.a"
rm -rf dist/wheels
MQP_WHEEL_TAG=linux_$(uname -m) sh packaging/wheel.sh "$platform" "$work/packages/$platform/libraries" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
sh packaging/try-wheel.sh dist/wheels/*.whl | tee "$work/wheel"
sh packaging/try-sdist.sh "dist/lib/libmqproducer.so.$version"
sh packaging/go.sh "$work/packages"
sh packaging/try-go.sh dist/go/proxy mqproducer.example/mqproducer
ways="$ways, a wheel ($(sed -n 's/^from pip install to the first acknowledged message: //p' "$work/wheel")), a Go module"
echo "summary: shared $(wc -c <"dist/lib/libmqproducer.so.$version") bytes, static $(wc -c <dist/lib/libmqproducer.a) bytes; built and sent: $ways"
