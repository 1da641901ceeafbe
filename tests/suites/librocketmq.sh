#!/bin/sh
# The drop-in for RocketMQ's native client: what it exports, the programs in C against an embedded cluster, with the shared
# and the static library, valgrind on them, and the bindings of others on it. What it builds stays for the suite cluster.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}
here=$root/bindings/librocketmq
lib=$root/dist/librocketmq/lib
core=$target/debug
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CARGO:-cargo} build
make librocketmq

sort "$here/symbols.txt" >"$work/listed"
[ "$(wc -l <"$work/listed")" -eq 116 ]
nm -D --defined-only "$lib/librocketmq.so" | awk '{print $3}' | sort | diff "$work/listed" -
nm -g --defined-only "$lib/librocketmq.a" | awk 'NF == 3 {print $3}' | sort | diff "$work/listed" -
readelf -d "$lib/librocketmq.so" >"$work/dynamic"
grep -q 'SONAME.*\[librocketmq\.so\]' "$work/dynamic"
if grep NEEDED "$work/dynamic" | grep -E 'stdc\+\+|boost|ssl|crypto|libz'; then
    echo "a library is needed that an old system may not have"
    exit 1
fi

# Each header compiles by itself, in C and in C++, and its layouts are what old programs were compiled with.
for header in "$here"/include/rocketmq/*.h; do
    printf '#include <rocketmq/%s>\n' "$(basename "$header")" >"$work/one.c"
    for standard in c99 c11; do
        cc -std=$standard -Wall -Wextra -Werror -I"$here/include" -fsyntax-only "$work/one.c"
    done
    c++ -x c++ -std=c++17 -Wall -Wextra -Werror -I"$here/include" -fsyntax-only "$work/one.c"
done

# together NAME COMMAND...: starts it beside the others; `finish` shows what each wrote and judges it. Most of them wait
# most of the time.
running=
together() {
    name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 &
    running="$running $name:$!"
}
finish() {
    for each in $running; do
        status=0
        wait "${each#*:}" || status=$?
        cat "$work/${each%:*}.log"
        [ "$status" -eq 0 ] || { echo "${each%:*} ended with $status"; exit 1; }
    done
    running=
}

flags="-std=c11 -D_GNU_SOURCE -g -pthread -Wall -Wextra -Werror -I$here/include -Iinclude -Itests/abi"
c++ -std=c++17 -O1 -Wall -Wextra -Werror -c "$here/tests/hash.cpp" -o "$work/hash.o"
# The flags are a list of words.
# shellcheck disable=SC2086
for program in producers callbacks traps transactions settings cases cycles; do
    cc $flags "$here/tests/$program.c" "$work/hash.o" -o "$work/$program" \
        "-L$lib" "-L$core" -lrocketmq -lmqproducer "-Wl,-rpath,$lib:$core" -lstdc++ -ldl
done
# Both libraries in one program, in every mixture.
# shellcheck disable=SC2086
{
    cc $flags "$here/tests/producers.c" -o "$work/static" "$lib/librocketmq.a" "$core/libmqproducer.a" -lpthread -lm -ldl
    cc $flags "$here/tests/transactions.c" -o "$work/mixed" "$lib/librocketmq.a" \
        "-L$core" -lmqproducer "-Wl,-rpath,$core" -lpthread -lm -ldl
}
for program in producers callbacks traps transactions settings cases static mixed; do
    together "$program" "$work/$program"
done
finish
"$work/cycles" 1000

check() {
    valgrind --quiet --fair-sched=try --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect \
        --errors-for-leak-kinds=definite,indirect "$@"
}
check "$work/producers"
check "$work/transactions"
check "$work/callbacks" keep-threads
check "$work/traps" keep-processes
sh "$here/check-installation.sh" "$lib/librocketmq.so"
printf 'no library\n' >"$work/librocketmq.so"
if sh "$here/check-installation.sh" "$work/librocketmq.so"; then
    echo "the check of an installation takes anything for the library"
    exit 1
fi
MQPRODUCER_LIBRARY=$core/libmqproducer.so sh "$here/tests/bindings/run.sh" "$root/dist/librocketmq" "$target/librocketmq/bindings"
sh "$here/check-installation.sh" --python "$target/librocketmq/bindings/python-200/bin/python"
echo "summary: 116 functions, $(wc -c <"$lib/librocketmq.so") bytes, 7 programs in C, shared and static, valgrind, 3 bindings"
