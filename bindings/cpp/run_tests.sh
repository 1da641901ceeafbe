#!/bin/sh
# Configures, builds and runs the tests of the C++ headers, natively and under valgrind; the last line counts them.
# MQPRODUCER_LIBRARY: the library to test (default: what cargo built). BUILD_DIR: where to build. VALGRIND=0: without.
set -eu
cd -- "$(dirname -- "$0")"

build=${BUILD_DIR:-../../target/cpp}
library=${MQPRODUCER_LIBRARY:-}
if [ -z "$library" ]; then
    for candidate in ../../target/release/libmqproducer.so ../../target/debug/libmqproducer.so; do
        [ ! -e "$candidate" ] || { library=$candidate; break; }
    done
fi
[ -e "$library" ] || { echo "run_tests.sh: no library '$library'; run cargo build, or set MQPRODUCER_LIBRARY" >&2; exit 2; }
library=$(readlink -f -- "$library")
mkdir -p -- "$build"
build=$(readlink -f -- "$build")

passed=0
failed=0
output=$build/output.txt

# run NAME COMMAND...: runs one program and adds up the numbers that it prints; one without them counts as a failure.
run() {
    name=$1
    shift
    status=0
    timeout 600 "$@" >"$output" 2>&1 || status=$?
    counts=$(grep -a -x '[0-9]* passed, [0-9]* failed' "$output" | tail -n 1)
    if [ -z "$counts" ]; then
        counts="0 passed, 1 failed"
    elif [ "$status" != 0 ] && [ "${counts#*, }" = "0 failed" ]; then
        counts="${counts%%,*}, 1 failed"
    fi
    bad=${counts#*, }
    passed=$((passed + ${counts%% *}))
    failed=$((failed + ${bad%% *}))
    echo "$name: $counts (exit status $status)"
    [ "$status" = 0 ] || grep -a -v '^ok ' "$output" || :
}

# step NAME COMMAND...: runs a command that passes or fails as a whole.
step() {
    name=$1
    shift
    if "$@" >"$output" 2>&1; then
        passed=$((passed + 1))
        echo "$name: ok"
    else
        failed=$((failed + 1))
        echo "$name: FAILED"
        tail -n 40 "$output"
    fi
}

# Programs of an earlier choice of standards would be run, too.
rm -f -- "$build"/in-tree/tests/*_cxx[0-9]*
# Optimised a little: some warnings need it, and more would take most of the time.
cmake -S . -B "$build/in-tree" -DCMAKE_CXX_FLAGS="-O1 -g1" -DCMAKE_C_FLAGS="-O1 -g1" -DMQPRODUCER_LIBRARY="$library" \
    -DCMAKE_INSTALL_PREFIX="$build/prefix" -DCMAKE_INSTALL_LIBDIR=lib >"$output" || { cat "$output"; exit 1; }
cmake --build "$build/in-tree" -j "${JOBS:-2}" >"$output" 2>&1 || { tail -n 60 "$output"; exit 1; }

# Names only, which hold no blanks: the folder may.
programs=$(find "$build/in-tree/tests" -maxdepth 1 -type f -perm -u+x -exec basename {} \; | sort)
for program in $programs; do
    run "$program" "$build/in-tree/tests/$program"
done

example_prints_three_lines() {
    lines=$(timeout 60 "$1") || return
    echo "$lines"
    [ "$(echo "$lines" | grep -cE '^cpp (sync|async|oneway) id=[0-9A-F]{32} queue=[^/ ]+/[0-9]+ offset=([0-9]+|-)$')" = 3 ] && [ "$(echo "$lines" | wc -l)" = 3 ]
}
# prints LINES PATTERN COMMAND...: the program prints so many lines, all of the extended pattern.
prints() {
    count=$1
    pattern=$2
    shift 2
    lines=$(timeout 60 "$@") || return
    echo "$lines"
    [ "$(echo "$lines" | grep -cxE "$pattern")" = "$count" ] && [ "$(echo "$lines" | wc -l)" = "$count" ]
}
# stress_ends_all COMMAND...: sends 2000 messages to the embedded cluster; each must end.
stress_ends_all() {
    rm -f -- "$build/stress.jsonl"
    timeout 300 "$@" mock://stress Stress 2000 "$build/stress.jsonl" || return
    [ "$(wc -l <"$build/stress.jsonl")" = 2000 ]
}
# stress_stores_all COMMAND...: the same; all of them must be stored.
stress_stores_all() {
    stress_ends_all "$@" || return
    [ "$(grep -c '"ok":true.*"message_id":"[0-9A-F]\{32\}"' "$build/stress.jsonl")" = 2000 ]
}
for language in c cpp; do
    step "stress in $language" stress_stores_all "$build/in-tree/tests/stress/stress_$language"
done
step "example" example_prints_three_lines "$build/in-tree/mqproducer_send"
id='id=[0-9A-F]{32}'
step "batch example" prints 5 "cpp batch $id queue=broker-a/[0-9]+ offset=[0-9]+" "$build/in-tree/mqproducer_batch"
step "request example" prints 1 "cpp reply: a question" "$build/in-tree/mqproducer_request"
step "request example on a cluster of its own" prints 1 "cpp reply: hello" "$build/in-tree/mqproducer_request" mock:// Ask hello
step "commit example" prints 2 "cpp (half $id|committed)" "$build/in-tree/mqproducer_transaction" mock://demo Demo group commit
step "rollback example" prints 2 "cpp (half $id|rolled back)" "$build/in-tree/mqproducer_transaction" mock://demo Demo group rollback
dies() {
    status=0
    timeout 60 "$build/in-tree/mqproducer_transaction" mock://demo Demo group die || status=$?
    [ "$status" = 137 ]
}
step "example that is killed" dies
run "pages" sh tests/pages.sh "$library" "$build/pages"
# newest NAME: the command, or the newest of those with a version in their names.
newest() {
    for command in "$1" $(cd /usr/bin && ls "$1"-[0-9]* 2>/dev/null | grep -x "$1-[0-9]*" | sort -t- -k2rn -k3rn); do
        command -v "$command" && return
    done
}
tidy=$(newest clang-tidy || :)
if [ -n "$tidy" ]; then
    step "clang-tidy" "$tidy" --quiet tests/with_exceptions.cpp -- -std=c++20 -Iinclude -I../../include
else
    echo "clang-tidy: not here, left out"
fi
clang=$(newest clang++ || :)
if [ -n "$clang" ]; then
    step "configure for clang" cmake -S . -B "$build/clang" -DCMAKE_CXX_COMPILER="$clang" -DMQPRODUCER_TEST_STANDARDS="17;20" -DMQPRODUCER_LIBRARY="$library"
    step "build by clang" cmake --build "$build/clang" -j "${JOBS:-2}" --target tests_cxx20 without_exceptions_cxx17
    run "tests_cxx20 by clang" "$build/clang/tests/tests_cxx20"
    run "without_exceptions_cxx17 by clang" "$build/clang/tests/without_exceptions_cxx17"
else
    echo "clang: not here, left out"
fi
step "install" cmake --install "$build/in-tree"
step "find_package" cmake -S ../../examples/cpp -B "$build/installed" -DCMAKE_PREFIX_PATH="$build/prefix"
step "examples against the installed package" cmake --build "$build/installed"
step "installed example" example_prints_three_lines "$build/installed/send"

if [ "${VALGRIND:-1}" != 0 ] && command -v valgrind >/dev/null 2>&1; then
    checked="valgrind -q --fair-sched=try --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect
        --errors-for-leak-kinds=definite,indirect --fair-sched=yes"
    for program in $programs; do
        # Ending the library's thread leaks what it held, by design of pthread_exit. One standard stands for all.
        case $program in thread_exit | *_cxx17) continue ;; esac
        # shellcheck disable=SC2086
        run "valgrind $program" $checked "$build/in-tree/tests/$program"
    done
    for language in c cpp; do
        # It is slow enough for some of them to time out.
        # shellcheck disable=SC2086
        step "valgrind stress in $language" stress_ends_all $checked "$build/in-tree/tests/stress/stress_$language"
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
