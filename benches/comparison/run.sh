#!/bin/sh
# Measures the library beside other clients and the limits of the machine, and what grows, and fills docs/PERFORMANCE.md.
# $1 or PEER_BENCH: the folder of the benchmark of clients, built, whose `run.py` takes MQP_BENCH and in which
# nullbroker/target/release/nullbroker is a server that only answers; $2: how many runs, 5 when left out.
# SECONDS_EACH: CPU seconds of each cell; PEERS: the clients, by run.py's names; RUN_BY: what runs each piece, of one to
# three minutes, such as `flock FILE`. `make bench-drivers` comes before.
# Pieces that are there already are not measured again: what was stopped goes on, until all is there.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
drivers=$target/bench-drivers
pieces=$target/comparison
peer_bench=${1:-${PEER_BENCH:?the folder of the benchmark of clients}}
runs=${2:-5}
seconds=${SECONDS_EACH:-0.5}
clients=${PEERS:-mqp-c,mqp-cpp,mqp-go,mqp-python,java,go,rust,cpp044,python}
results=$root/benches/results
mkdir -p "$pieces"

# piece NAME ARGUMENTS...: a part of one run, kept when it is whole.
piece() {
    kept=$pieces/$1
    shift
    [ ! -e "$kept" ] || return 0
    # RUN_BY is words.
    # shellcheck disable=SC2086
    MQP_BENCH="$drivers" ${RUN_BY:-} python3 "$peer_bench/run.py" --secs "$seconds" --out "$kept.part" "$@"
    mv "$kept.part" "$kept"
}

# Those of $1 that are not in $2.
without() {
    echo "$1" | tr , '\n' | grep -vxF "$(echo "$2" | tr , '\n')" | paste -sd , -
}

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
printf '{"peer":"machine","date":"%s","commit":"%s","machine":"%s cores of %s, Linux %s","runs":%s}\n' "$(date +%F)" \
    "$(git -C "$root" rev-parse --short HEAD)" "$(nproc)" "$cpu" "$(uname -r | cut -d- -f1)" "$runs" >"$pieces/machine"
run=0
while [ "$run" -lt "$runs" ]; do
    run=$((run + 1))
    piece "$run.small" --peers "$clients" --sizes 128r --modes limits,sync1,sync16,async,oneway,batch
    piece "$run.large" --peers "$(without "$clients" mqp-cpp,python)" --sizes 16384t,16384t- --modes async
    # The others take long to start, or are no measure.
    piece "$run.start" --peers "$(without "$clients" mqp-cpp,java,python)" --sizes 128r --modes startup
done
if [ ! -e "$pieces/growth" ]; then
    # shellcheck disable=SC2086
    ${RUN_BY:-} python3 "$root/benches/comparison/growth.py" "$peer_bench/nullbroker/target/release/nullbroker" \
        "$drivers/lib" "$pieces/growth.part" "$seconds"
    mv "$pieces/growth.part" "$pieces/growth"
fi
# Only a whole measurement takes the place of the one before.
cat "$pieces/machine" "$pieces"/*.small "$pieces"/*.large "$pieces"/*.start >"$results/comparison.jsonl"
mv "$pieces/growth" "$results/growth.jsonl"
rm -r "$pieces"
python3 "$root/benches/comparison/report.py" "$results" "$root/docs/PERFORMANCE.md"
