#!/bin/sh
# Runs every suite and prints a line for each; the last lines are the table and its sum.
# Arguments name the suites to run; without any, all run. MQP_TEST_LONG=1 makes the full figures.
#
# Suites that write the same folders share a lane and run one after the other; the lanes run side by side, since many
# suites wait more than they compute. MQP_TEST_LANES=1 runs all of them one after the other.
set -u
cd "$(dirname "$0")/.." || exit
root=$PWD
CARGO=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-$root/target}
logs=$target/test-logs
rm -rf "$logs"
mkdir -p "$logs"
export RUST_BACKTRACE=1
conformance=$target/conformance/report.txt
rm -f "$conformance"

# The first ones of the second lane leave the first one alone with the folder where cargo builds for debugging.
first="rust cpp conformance cluster deny fuzz"
second="miri loom tsan package librocketmq valgrind asan python go reference drivers demo"

command_of() {
    case $1 in
    python) echo "python3 bindings/python/run_tests.py" ;;
    *) echo "sh tests/suites/$1.sh" ;;
    esac
}

wanted=$*
all="$first $second"
for name in $wanted; do
    case " $all " in *" $name "*) ;; *) echo "no suite '$name'; the suites: $all" >&2; exit 2 ;; esac
done

# suite NAME: runs it with its output in a log and leaves its line of the table. The last line of the log that counts
# tests, or the one that begins with `summary:`, stands in the table.
suite() {
    name=$1
    log=$logs/$name.log
    begin=$(date +%s)
    # The command is a list of words.
    # shellcheck disable=SC2046
    if $(command_of "$name") >"$log" 2>&1; then
        result=ok
        what=$(summary "$log")
        if reason=$(grep -m1 '^not run: ' "$log"); then
            result="NOT RUN"
            what=${reason#not run: }
        fi
    else
        result=FAILED
        what="see above"
    fi
    printf '%-12s %-8s %6ss  %s\n' "$name" "$result" $(($(date +%s) - begin)) "$what" | tee "$logs/$name.line"
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

lane() {
    for each; do
        case " ${wanted:-$all} " in *" $each "*) suite "$each" ;; esac
    done
}

# The names are words.
# shellcheck disable=SC2086
if [ "${MQP_TEST_LANES:-2}" = 1 ]; then
    lane $first $second
else
    lane $second &
    lane $first
    wait
fi

lines=
for name in $all; do
    [ ! -f "$logs/$name.line" ] || lines="$lines $logs/$name.line"
done
if [ -f "$conformance" ]; then
    echo
    echo "conformance: cases by language and group"
    cat "$conformance"
fi
# The end of what a failed suite printed, and what in it speaks of failing, which may be far above its end.
for line in $lines; do
    grep -q '^[a-z]* *FAILED' "$line" || continue
    name=$(basename "$line" .line)
    echo "----- $name: where it speaks of failing"
    grep -n -a -i 'fail\|panicked\|error\|not so\|DATA RACE' "$logs/$name.log" | grep -v '\.\.\. ok$\|: *ok \| 0 failed' | head -n 40 | cut -c1-400
    echo "----- $name: its end"
    tail -n 60 "$logs/$name.log" | cut -c1-1000
    echo "-----"
done
echo
echo "suite        result   seconds  what"
# shellcheck disable=SC2086
cat $lines >"$logs/table.txt"
cat "$logs/table.txt"
count() { grep -c "^[a-z]* *$1 " "$logs/table.txt"; }
left_out=$(count 'NOT RUN')
[ "$left_out" -eq 0 ] || echo "$left_out suites were not run, for the reasons above"
echo "suites: $(count ok) passed, $(count FAILED) failed"
[ "$(count FAILED)" -eq 0 ] && [ "$(count ok)" -gt 0 ]
