#!/bin/sh
# valgrind on the C examples and conformance cases: no error and no leak. The checker is proven on a program that leaks.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
lib=$target/debug
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CARGO:-cargo} build
for example in send epoll batch request transaction; do
    cc -std=c11 -g -Wall -Wextra -Werror -Iinclude "examples/c/$example.c" -o "$work/$example" \
        "-L$lib" -lmqproducer "-Wl,-rpath,$lib"
done
check() { valgrind --quiet --fair-sched=try --suppressions=tests/suites/valgrind.supp --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible "$@"; }
printf '#include <stdlib.h>\nint main(void) { return malloc(7) == NULL; }\n' >"$work/leak.c"
cc -O0 "$work/leak.c" -o "$work/leak"
if check "$work/leak"; then
    echo "valgrind did not find a leak that is there"
    exit 1
fi
for run in 1 2 3; do
    check "$work/send" mock://valgrind
    check "$work/epoll" mock://valgrind
    check "$work/batch" mock://valgrind Batch
    check "$work/request" mock://valgrind Request
    check "$work/transaction" mock://valgrind Transaction valgrind commit
    check "$work/transaction" mock://valgrind Transaction valgrind rollback
done
cc -std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Werror -Iinclude tests/conformance/c/*.c -o "$work/conformance" \
    "-L$lib" -lmqproducer "-Wl,-rpath,$lib" -lpthread -lm
# A case may fail by its slowness here, which ends with 1: the suite conformance judges that.
check "$work/conformance" tests/conformance/cases/*.json >"$work/report" || [ $? -eq 1 ]
echo "summary: the C examples, $run runs, and $(wc -l <"$work/report") conformance cases: no error, no leak"
