#!/bin/sh
# The C++ headers on the library that the other suites test: natively, by clang, installed, and under valgrind.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
${CARGO:-cargo} build
MQPRODUCER_LIBRARY=$target/debug/libmqproducer.so BUILD_DIR=$target/cpp exec sh bindings/cpp/run_tests.sh
