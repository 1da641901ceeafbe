#!/bin/sh
# sh fuzz/run.sh SECONDS [TARGET...]: replays the corpus of each target, then looks for new inputs for so long. What a
# run finds interesting stays in the target folder; `sh fuzz/run.sh keep` takes the smallest set of it into fuzz/corpus.
#
# A stable compiler serves: it has coverage, and no unsafe code is fuzzed that a sanitizer would have to watch.
set -eu
cd "$(dirname "$0")"
seconds=${1:-5}
[ $# -eq 0 ] || shift
target=${CARGO_TARGET_DIR:-$PWD/../target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
passes="-Cpasses=sancov-module"
for part in level=4 inline-8bit-counters pc-table trace-compares; do
    passes="$passes -Cllvm-args=-sanitizer-coverage-$part"
done
RUSTFLAGS="$passes --cfg fuzzing" CARGO_TARGET_DIR=$target ${CARGO:-cargo} build --locked --release --target "$host"
[ $# -gt 0 ] || set -- $(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"|\1|p' Cargo.toml)
programs=$target/$host/release
runs=0 found=0
for name; do
    found_inputs=$target/corpus/$name artifacts=$target/artifacts/$name
    mkdir -p "$found_inputs" "$artifacts"
    log=$target/$name.log
    if [ "$seconds" = keep ]; then
        mkdir -p "corpus/$name.new"
        "$programs/$name" -set_cover_merge=1 -use_counters=0 -max_len=1024 "corpus/$name.new" "corpus/$name" "$found_inputs" >"$log" 2>&1
        rm -rf "corpus/$name" && mv "corpus/$name.new" "corpus/$name"
        echo "$name: $(ls "corpus/$name" | wc -l) inputs"
        continue
    fi
    # A run without a limit of time reads each input once.
    set -- "$found_inputs" "corpus/$name"
    if ! { "$programs/$name" -runs=0 "corpus/$name" &&
        "$programs/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
            -print_final_stats=1 -artifact_prefix="$artifacts/" "$@"; } >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "$name: failed; the input is in $artifacts"
        exit 1
    fi
    executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    new=$(sed -n 's/^stat::new_units_added: *//p' "$log" | tail -n 1)
    covered=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\).*/\1 edges, \2 features/p' "$log" | tail -n 1)
    echo "$name: $(ls "corpus/$name" | wc -l) inputs replayed, $executed executions in $seconds s, $covered, $new new inputs, no finding"
    runs=$((runs + executed)) found=$((found + 1))
done
[ "$seconds" = keep ] || echo "summary: $found targets, corpora replayed and $runs executions in $seconds s each: no finding"
