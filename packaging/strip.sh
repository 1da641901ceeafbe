#!/bin/sh
# strip.sh SHARED STATIC OUT [TOOLS]: puts the built libraries into OUT as they are given away: stripped, the debug
# information of the shared one in a file beside it, which debuggers find by themselves. TOOLS: the prefix of the
# binutils of another processor, such as aarch64-linux-gnu-.
set -eu
shared=$1 static=$2 out=$3 tools=${4-}
version=$(sh "$(dirname "$0")/version.sh")
name=libmqproducer.so.$version
mkdir -p "$out"
"${tools}objcopy" --only-keep-debug --compress-debug-sections "$shared" "$out/$name.debug"
"${tools}strip" --strip-unneeded -o "$out/$name" "$shared"
(cd "$out" && "${tools}objcopy" --add-gnu-debuglink="$name.debug" "$name")
chmod 644 "$out/$name" "$out/$name.debug"
"${tools}strip" --strip-debug -o "$out/libmqproducer.a" "$static"
