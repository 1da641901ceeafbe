#!/bin/sh
# Builds the example and stress programs of C, C++ and Go.
# $1: the folder of libmqproducer.so; $2: the folder for the programs.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
lib=$1
out=$2
mkdir -p "$out"
flags="-O1 -g -Wall -Wextra -Werror -I$root/include"
link="-L$lib -lmqproducer -Wl,-rpath,$lib -lpthread"
# The flags are lists of words.
# shellcheck disable=SC2086
{
    cc -std=c11 $flags "$root/examples/c/send.c" -o "$out/c-send" $link
    cc -std=c11 $flags "$root/tests/cluster/stress/c/stress.c" -o "$out/c-stress" $link
    c++ -std=c++17 $flags "-I$root/bindings/cpp/include" "$root/examples/cpp/send.cpp" -o "$out/cpp-send" $link
    c++ -std=c++17 $flags "-I$root/bindings/cpp/include" "$root/tests/cluster/stress/cpp/stress.cpp" -o "$out/cpp-stress" $link
}
export CGO_LDFLAGS="-L$lib -Wl,-rpath,$lib"
(cd "$root/examples/go" && go build -o "$out/go-send" .)
(cd "$root/tests/cluster/stress/go" && go build -o "$out/go-stress" .)
