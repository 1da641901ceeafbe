#!/bin/sh
# Builds the example and stress programs of C, C++ and Go.
# $1: the folder of libmqproducer.so; $2: the folder for the programs.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
lib=$1
out=$2
mkdir -p "$out"

# build COMPILER STANDARD SOURCE PROGRAM
build() {
    "$1" "-std=$2" -O1 -g -Wall -Wextra -Werror "-I$root/include" "-I$root/bindings/cpp/include" "$root/$3" \
        -o "$out/$4" "-L$lib" -lmqproducer "-Wl,-rpath,$lib" -lpthread
}
for example in send batch request transaction; do
    build "${CC:-cc}" c11 "examples/c/$example.c" "c-$example"
    build "${CXX:-c++}" c++17 "examples/cpp/$example.cpp" "cpp-$example"
done
build "${CC:-cc}" c11 examples/c/epoll.c c-epoll
build "${CC:-cc}" c11 tests/cluster/stress/c/stress.c c-stress
build "${CXX:-c++}" c++17 tests/cluster/stress/cpp/stress.cpp cpp-stress

# Go splits this at blanks outside quotes.
export CGO_LDFLAGS="'-L$lib' '-Wl,-rpath,$lib'"
(cd "$root/examples/go" && go build -o "$out/go-send" . &&
    for example in batch request transaction; do go build -o "$out/go-$example" "./$example"; done)
(cd "$root/tests/cluster/stress/go" && go build -o "$out/go-stress" .)
