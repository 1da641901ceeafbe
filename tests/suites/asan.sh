#!/bin/sh
# AddressSanitizer with LeakSanitizer, and UndefinedBehaviorSanitizer, on the conformance cases and the processes of tests/abi in
# C and C++. The library's own memory comes from the same allocator, so that what it frees twice, hands out after its end or
# leaks is seen, too. Deliberate faults prove that each sanitizer sees.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
lib=$target/debug
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"
link="-L$lib -lmqproducer -Wl,-rpath,$lib -lpthread -lm"
cat >"$work/proof.c" <<'EOF'
#include <limits.h>
#include <stdlib.h>
int main(int count, char **arguments) {
    volatile int one = count - 1;
    char *volatile memory = malloc(8);
    memory[0] = 1;
    volatile int sum = arguments[1][0] == 'u' ? INT_MAX + one : 0;
    if (arguments[1][0] == 'a') memory[8] = 1;
    if (arguments[1][0] != 'l') free(memory);
    memory = NULL;
    return sum != 0;
}
EOF
# The flags are lists of words.
# shellcheck disable=SC2086
if ! cc $sanitize "$work/proof.c" -o "$work/proof" 2>"$work/log"; then
    cat "$work/log"
    echo "not run: this compiler has no sanitizers"
    exit 0
fi
export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:exitcode=9" UBSAN_OPTIONS="print_stacktrace=1:exitcode=9"
"$work/proof" nothing
for fault in address undefined leak; do
    status=0
    "$work/proof" "$fault" >"$work/log" 2>&1 || status=$?
    if [ "$status" -ne 9 ]; then
        echo "the sanitizers did not find: $fault"
        exit 1
    fi
done
${CARGO:-cargo} build
# shellcheck disable=SC2086
{
    cc -std=c11 -D_GNU_SOURCE $sanitize -Wall -Wextra -Werror -Iinclude tests/conformance/c/*.c -o "$work/c" $link
    c++ -std=c++17 $sanitize -Wall -Wextra -Werror -Iinclude -Ibindings/cpp/include tests/conformance/cpp/*.cpp -o "$work/cpp" $link
    for program in bad_input process contents; do
        cc -std=c99 -D_POSIX_C_SOURCE=200809L -pthread $sanitize -Wall -Wextra -Werror -Iinclude -Itests/abi "tests/abi/$program.c" \
            -o "$work/$program" $link
    done
}
# A case may fail by its slowness here, which ends with 1: the suite conformance judges that.
for runner in c cpp; do
    "$work/$runner" tests/conformance/cases/*.json >"$work/$runner.report" || [ $? -eq 1 ]
done
for program in bad_input process contents; do
    "$work/$program"
done
echo "summary: $(cat "$work"/*.report | wc -l) conformance cases of C and C++, 3 programs of the C surface: no error, no leak"
