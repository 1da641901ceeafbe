#!/bin/sh
# `make package`: the libraries are optimised as a whole and export the listed symbols only, and an example links
# against each of them.
set -eu
cd "$(dirname "$0")/../.."
make package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n 's/^\(mqp_[a-z0-9_]*\).*/\1/p' tests/abi/symbols.txt | sort >"$work/listed"
nm -D --defined-only dist/lib/libmqproducer.so | awk '{print $3}' | sort >"$work/exported"
diff "$work/listed" "$work/exported"
flags="-std=c11 -Wall -Wextra -Werror -Idist/include"
# The flags are a list of words.
# shellcheck disable=SC2086
{
    cc $flags examples/c/send.c -o "$work/shared" -Ldist/lib -lmqproducer "-Wl,-rpath,$PWD/dist/lib"
    cc $flags examples/c/send.c -o "$work/static" dist/lib/libmqproducer.a -lpthread -lm -ldl
}
"$work/shared" mock://package
"$work/static" mock://package
echo "summary: shared $(wc -c <dist/lib/libmqproducer.so) bytes, static $(wc -c <dist/lib/libmqproducer.a) bytes, example linked to both"
