#!/bin/sh
# Runs every suite and prints a line for each; the last lines are the table and its sum.
# Arguments name the suites to run; without any, all run. MQP_TEST_LONG=1 makes the full figures.
set -u
cd "$(dirname "$0")/.." || exit
root=$PWD
CARGO=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-$root/target}
logs=$target/test-logs
mkdir -p "$logs"
export RUST_BACKTRACE=1
passed=0 failed=0 left_out=0
table=$logs/table.txt
: >"$table"
conformance=$target/conformance/report.txt
rm -f "$conformance"

note() { printf '%-12s %-8s %6ss  %s\n' "$1" "$2" "$3" "$4" | tee -a "$table"; }

# suite NAME COMMAND...: runs it with its output in a log, shown whole when it fails. The last line of the log that
# counts tests, or the one that begins with `summary:`, stands in the table.
suite() {
    name=$1
    shift
    [ -z "$only" ] || case " $only " in *" $name "*) ;; *) return 0 ;; esac
    log=$logs/$name.log
    begin=$(date +%s)
    if "$@" >"$log" 2>&1; then
        if reason=$(grep -m1 '^not run: ' "$log"); then
            left_out=$((left_out + 1))
            note "$name" "NOT RUN" $(($(date +%s) - begin)) "${reason#not run: }"
            return 0
        fi
        passed=$((passed + 1))
        note "$name" ok $(($(date +%s) - begin)) "$(summary "$log")"
    else
        failed=$((failed + 1))
        note "$name" FAILED $(($(date +%s) - begin)) "see below"
        echo "----- $name"
        tail -n 200 "$log"
        echo "-----"
    fi
}

summary() {
    if grep -q '^summary: ' "$1"; then
        sed -n 's/^summary: //p' "$1" | tail -n 1
        return
    fi
    awk '/^test result: /{p += $4; f += $6; seen = 1}
        /^[0-9]+ passed, [0-9]+ failed$/{line = $0}
        END {if (seen || line == "") printf "%d passed, %d failed", p, f; else printf "%s", line}' "$1"
}

only=$*
suite rust sh tests/suites/rust.sh
suite deny sh tests/suites/deny.sh
suite package sh tests/suites/package.sh
suite loom sh tests/suites/loom.sh
suite miri sh tests/suites/miri.sh
suite tsan sh tests/suites/tsan.sh
suite valgrind sh tests/suites/valgrind.sh
suite cpp sh bindings/cpp/run_tests.sh
suite python python3 bindings/python/run_tests.py
suite go sh tests/suites/go.sh
suite librocketmq sh tests/suites/librocketmq.sh
suite conformance sh tests/suites/conformance.sh
suite reference sh tests/suites/reference.sh
suite drivers sh tests/suites/drivers.sh
suite demo sh tests/suites/demo.sh
suite cluster sh tests/suites/cluster.sh

if [ -f "$conformance" ]; then
    echo
    echo "conformance: cases by language and group"
    cat "$conformance"
fi
echo
echo "suite        result   seconds  what"
cat "$table"
[ "$left_out" -eq 0 ] || echo "$left_out suites were not run, for the reasons above"
echo "suites: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
