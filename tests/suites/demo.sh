#!/bin/sh
# The README's demo: a line for each language and mode, and each of those messages in the cluster's own list.
set -eu
cd "$(dirname "$0")/../.."
output=$(sh examples/demo.sh)
echo "$output"
lines=0
for lang in c cpp python go; do
    for mode in sync async oneway; do
        id=$(echo "$output" | sed -n "s/^$lang $mode id=\([0-9A-F]*\) queue=.*/\1/p")
        [ -n "$id" ] || { echo "no line of $lang $mode"; exit 1; }
        [ "$(echo "$output" | sed '1,/^stored/d' | grep -c "$id")" -eq 1 ] || { echo "$id is not listed once"; exit 1; }
        lines=$((lines + 1))
    done
done
echo "summary: $lines messages of 4 languages sent and listed"
