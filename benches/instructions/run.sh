#!/bin/sh
# Counts the user instructions, of all threads, that one synchronous and one asynchronous send take through the C
# surface, by callgrind, and appends them to the results: the difference between a long and a short run, so that starting
# and closing do not count.
# $1: the library, as `make package` makes it; $2: the file of results.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
library=$(cd "$(dirname "$1")" && pwd)
results=$2
short=1000 long=6000
${CARGO:-cargo} build --quiet --manifest-path "$root/Cargo.toml" --example mock_cluster
work=$(mktemp -d)
. "$root/examples/cluster.sh"
trap 'stop_cluster; rm -rf "$work"' EXIT
"${CC:-cc}" -O2 -Wall -Wextra -Werror "-I$root/include" "$here/send.c" -o "$work/send" "-L$library" -lmqproducer \
    "-Wl,-rpath,$library"
start_cluster "$target/debug/examples/mock_cluster"

# count MODE COUNT: the instructions of a run.
count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --fair-sched=yes "$work/send" "$url" "$1" "$2" 2>"$work/log" || {
        cat "$work/log" >&2
        exit 1
    }
    sed -n 's/.*Collected : //p' "$work/log"
}
[ -s "$results" ] || echo "date,commit,mode,instructions" >"$results"
for mode in sync async; do
    less=$(count "$mode" "$short")
    more=$(count "$mode" "$long")
    echo "$(date +%F),$(git -C "$root" rev-parse --short HEAD),$mode,$(((more - less) / (long - short)))" | tee -a "$results"
done
