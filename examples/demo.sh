#!/bin/sh
# Starts the embedded cluster, sends from C, C++, Python and Go in all three modes, and prints what it stored.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
CARGO=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-$root/target}
lib=$target/debug
out=$lib/programs

echo "building ..."
$CARGO build --quiet --lib --example mock_cluster
sh tests/cluster/build_programs.sh "$lib" "$out"

work=$(mktemp -d)
. examples/cluster.sh
trap 'stop_cluster; rm -rf "$work"' EXIT
start_cluster "$lib/examples/mock_cluster" --queues 4
echo "embedded cluster: $url"

echo
echo "sent:"
"$out/c-send" "$url"
"$out/cpp-send" "$url"
MQPRODUCER_LIBRARY=$lib/libmqproducer.so PYTHONPATH=$root/bindings/python python3 examples/python/send.py "$url"
"$out/go-send" "$url"

echo
echo "stored by the cluster:"
echo list >&3
stop_cluster
tail -n +2 "$work/output"
