#!/bin/sh
# AddressSanitizer with LeakSanitizer, and UndefinedBehaviorSanitizer, on the conformance cases and the processes of tests/abi in
# C and C++. The library's own memory comes from the same allocator, so that what it frees twice, hands out after its end or
# leaks is seen, too; in the long form its code is instrumented as well. Deliberate faults prove that each sanitizer sees.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
lib=$target/debug
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1"
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
# judge LINK...: builds the programs, each in two steps, and runs them. A case may fail by its slowness here, which ends
# with 1: the suite conformance judges that.
judge() {
    # The flags are lists of words.
    # shellcheck disable=SC2086
    {
        mkdir -p "$work/c" "$work/cpp"
        for source in tests/conformance/c/*.c; do
            cc -std=c11 -D_GNU_SOURCE $sanitize -Wall -Wextra -Werror -Iinclude -c "$source" -o "$work/c/$(basename "$source").o"
        done
        for source in tests/conformance/cpp/*.cpp; do
            c++ -std=c++17 $sanitize -Wall -Wextra -Werror -Iinclude -Ibindings/cpp/include -c "$source" \
                -o "$work/cpp/$(basename "$source").o"
        done
        c++ "$work"/c/*.o -o "$work/runner-c" "$@"
        c++ "$work"/cpp/*.o -o "$work/runner-cpp" "$@"
        for program in bad_input process contents; do
            cc -std=c99 -D_POSIX_C_SOURCE=200809L -pthread $sanitize -Wall -Wextra -Werror -Iinclude -Itests/abi \
                -c "tests/abi/$program.c" -o "$work/$program.o"
            c++ "$work/$program.o" -o "$work/$program" "$@"
        done
    }
    for runner in c cpp; do
        "$work/runner-$runner" tests/conformance/cases/*.json >"$work/$runner.report" || [ $? -eq 1 ]
    done
    for program in bad_input process contents; do
        "$work/$program"
    done
    summary="$(cat "$work"/*.report | wc -l) conformance cases of C and C++, 3 programs of the C surface: no error, no leak"
}
${CARGO:-cargo} build
# shellcheck disable=SC2086
judge $sanitize "-L$lib" -lmqproducer "-Wl,-rpath,$lib" -lpthread -lm
echo "summary: $summary"

# The long form: what the compiler of Rust adds sees reads and writes beside what the library holds, in its frames as well.
[ "${MQP_TEST_LONG:-}" ] || exit 0
if ! command -v rustup >/dev/null 2>&1 || ! runtime=$(ls "$(rustc +nightly --print target-libdir)"/librustc-*_rt.asan.a); then
    echo "not run: instrumented Rust needs a nightly compiler: rustup toolchain install nightly"
    exit 0
fi
host=$(rustc -vV | sed -n 's/^host: //p')
cat >"$work/proof.rs" <<'EOF'
fn main() {
    let ends = std::hint::black_box([1u8; 8]);
    let past = std::hint::black_box(8);
    assert_eq!(unsafe { ends.as_ptr().add(past).read_volatile() }, 0);
}
EOF
rustc +nightly --edition 2024 -Zsanitizer=address --target "$host" "$work/proof.rs" -o "$work/proof" 2>"$work/log"
status=0
"$work/proof" >"$work/log" 2>&1 || status=$?
if [ "$status" -ne 9 ]; then
    echo "the sanitizer did not find: a read past the end, in Rust"
    exit 1
fi
RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR="$target/asan" cargo +nightly build --target "$host"
lib=$target/asan/$host/debug
# The runtime is that of Rust's compiler, for both languages; it has no part of the other sanitizer.
sanitize="-fsanitize=address -fno-omit-frame-pointer -g -O1"
judge -rdynamic -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive "-L$lib" -lmqproducer "-Wl,-rpath,$lib" -lpthread -lm -ldl -lrt
echo "summary: Rust instrumented, $summary"
