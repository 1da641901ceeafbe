#!/bin/sh
# Every conformance case in every language against the embedded cluster, and the changed expectations that must fail.
# CONFORMANCE_LANGUAGES names fewer languages, for work on one runner.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target}"
CARGO=${CARGO:-cargo}
out=$CARGO_TARGET_DIR/conformance
languages=${CONFORMANCE_LANGUAGES:-rust c cpp python go}
rm -rf "$out"
mkdir -p "$out"
$CARGO build
$CARGO test --test conformance
$CARGO test -q --test conformance -- mutants "$out/mutants.json"
limit=$(command -v timeout || :)

# run LANGUAGE REPORT FILE...: a runner ends with 1 when cases failed; the report says which.
run() {
    language=$1 report=$2
    shift 2
    ${limit:+"$limit" 900} sh "tests/conformance/$language/run.sh" "$@" >"$out/$report" || echo "$report: the runner ended with $?"
}

for language in $languages; do
    run "$language" "$language.jsonl" "$root"/tests/conformance/cases/*.json
    run "$language" "$language.mutants.jsonl" "$out/mutants.json"
done
status=0
# shellcheck disable=SC2086
python3 tests/conformance/report.py "$out" $languages >"$out/report.txt" || status=$?
cat "$out/report.txt"
exit $status
