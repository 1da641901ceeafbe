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

run=$(mktemp -d)
cluster=
finish() {
    exec 3>&-
    [ -z "$cluster" ] || wait "$cluster" || :
    rm -rf "$run"
}
trap finish EXIT
mkfifo "$run/commands"
"$lib/examples/mock_cluster" --port 0 --queues 4 <"$run/commands" >"$run/output" &
cluster=$!
# The cluster runs until this end of its input closes.
exec 3>"$run/commands"
url=
while [ -z "$url" ]; do
    kill -0 "$cluster" || { echo "the embedded cluster did not start" >&2; exit 1; }
    url=$(head -n 1 "$run/output")
done
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
exec 3>&-
wait "$cluster"
cluster=
tail -n +2 "$run/output"
