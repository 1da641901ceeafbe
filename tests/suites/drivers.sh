#!/bin/sh
# The benchmark drivers build, and what they count in a short run of each mode the embedded cluster has stored, whole.
# With names of drivers as arguments only those run.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
${CARGO:-cargo} build --quiet --lib --example mock_cluster
work=$(mktemp -d)
. examples/cluster.sh
trap 'stop_cluster; rm -rf "$work"' EXIT
sh benches/drivers/build.sh "$target/debug/libmqproducer.so" "$work"

# The body of each message, which the cluster's list shows whole.
body="The quick brown fox jumps over the lazy dog"
runs=0 total=0
[ $# -gt 0 ] || set -- c cpp go python
for driver in "$@"; do
    for mode in sync async oneway batch; do
        start_cluster "$target/debug/examples/mock_cluster"
        line=$("$work/$driver" "${url#*://}" "$mode" 1 ${#body} text on 0.05 0.02)
        echo list >&3
        stop_cluster
        echo "$driver $mode $line"
        counted=$(printf '%s\n' "$line" | sed -n 's/.*"msgs": *\([0-9]*\).*/\1/p')
        printf '%s\n' "$line" | grep -q '"err": *0[,}]' || { echo "$driver $mode failed sends"; exit 1; }
        stored=$(sed -n 's/ messages$//p' "$work/output")
        # The first byte of a text is an `a`; the run stores more than the part that is measured.
        whole=$(grep -c "^PerfTopic .* tags=TagA .* ${#body} bytes \"a${body#?}\"\$" "$work/output")
        if [ "$counted" -eq 0 ] || [ "$stored" -lt "$counted" ] || [ "$whole" -ne "$stored" ]; then
            echo "$driver $mode: $counted counted, $stored stored, $whole of them whole"
            exit 1
        fi
        runs=$((runs + 1)) total=$((total + stored))
    done
done
echo "summary: $runs runs, $total messages stored whole"
