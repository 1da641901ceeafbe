#!/bin/sh
# ThreadSanitizer on callbacks, close, auto_batch and callers who read, on a completion queue under a program in C, and in the
# long form on the drop-in, the standard library instrumented too. A deliberate race proves that it sees, in Rust and in C.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
host=$(rustc -vV | sed -n 's/^host: //p')
CARGO=${CARGO:-cargo}
has_source() { [ -d "$("$@" --print sysroot)/lib/rustlib/src/rust/library/std" ]; }
if command -v rustup >/dev/null 2>&1 && ! has_source rustc +nightly 2>/dev/null; then
    timeout 300 rustup toolchain install nightly --profile minimal --component rust-src || true
fi
if command -v rustup >/dev/null 2>&1 && has_source rustc +nightly 2>/dev/null; then
    run="cargo +nightly"
    # The runtime is that of this compiler; any C compiler adds the calls into it, and none of its own at the link.
    runtime=$(ls "$(rustc +nightly --print target-libdir)"/librustc-*_rt.tsan.a)
    c=$(command -v cc) link="$c -rdynamic -Wl,--whole-archive $runtime -Wl,--no-whole-archive"
elif has_source rustc && clang=clang-$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p') && command -v "$clang"; then
    run=$CARGO
    # A stable compiler takes the unstable flags when it is told that it builds itself; distributions leave the
    # sanitizer's runtime to the clang of the same LLVM.
    export RUSTC_BOOTSTRAP=1
    flags="-Zexternal-clangrt -Clinker=$clang -Clink-arg=-fsanitize=thread"
    c=$(command -v "$clang") link="$c -fsanitize=thread -rdynamic"
else
    echo "not run: no source of Rust's standard library with a clang of its LLVM; rustup has both: rustup toolchain install nightly --component rust-src"
    exit 0
fi
export RUSTFLAGS="-Zsanitizer=thread ${flags:-}" CARGO_TARGET_DIR="$target/tsan" TSAN_OPTIONS="halt_on_error=1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'EOF'
[package]
name = "race"
version = "0.0.0"
edition = "2024"
EOF
cat >"$work/src/main.rs" <<'EOF'
static mut COUNT: u64 = 0;
fn main() {
    let count = || (0..1000).for_each(|_| unsafe { COUNT += 1 });
    let other = std::thread::spawn(count);
    count();
    other.join().unwrap();
}
EOF
cat >"$work/race.c" <<'EOF'
#include <pthread.h>
static int count;
static void *add(void *unused) {
    for (int i = 0; i < 1000; i++) count++;
    return unused;
}
int main(void) {
    pthread_t other;
    pthread_create(&other, 0, add, 0);
    add(0);
    return pthread_join(other, 0);
}
EOF
# The tests of the C surface build their programs with what stands here as cc.
mkdir "$work/bin"
cat >"$work/bin/cc" <<EOF
#!/bin/sh
program= source= flags= last=
for word in "\$@"; do
    case \$last,\$word in
    -o,*) program=\$word ;;
    *,-o) ;;
    *,*.c) source=\$word ;;
    *) flags="\$flags \$word" ;;
    esac
    last=\$word
done
$c -fsanitize=thread \$flags -c "\$source" -o "\$program.o" && $link "\$program.o" -o "\$program" \$flags -lpthread -lm -ldl -lrt
EOF
chmod +x "$work/bin/cc"
"$work/bin/cc" -g -O0 "$work/race.c" -o "$work/race"
if "$work/race" >"$work/log" 2>&1 || ! grep -q "data race" "$work/log"; then
    cat "$work/log"
    echo "ThreadSanitizer did not find a race in C that is there"
    exit 1
fi
# The command is a list of words.
# shellcheck disable=SC2086
{
    if (cd "$work" && $run run -Zbuild-std --target "$host") >"$work/log" 2>&1; then
        echo "ThreadSanitizer did not find a race that is there"
        exit 1
    fi
    grep -q "data race" "$work/log" || { cat "$work/log"; exit 1; }
    $run test -Zbuild-std --target "$host" --test callback_close --test auto_batch --test reading
    in_capitals=$(echo "$host" | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${in_capitals}_RUNNER=env PATH=$work/bin:$PATH"
    $run test -Zbuild-std --target "$host" --test abi -- sends_that_end_in_a_queue
    # The long form: the drop-in as well, under its programs in C, with an embedded cluster of the library beside it.
    if [ "${MQP_TEST_LONG:-}" ]; then
        $run build -Zbuild-std --target "$host"
        $run build -Zbuild-std --target "$host" -p librocketmq
        lib=$CARGO_TARGET_DIR/$host/debug
        for name in callbacks transactions; do
            "$work/bin/cc" -std=c11 -D_GNU_SOURCE -g -pthread -Iinclude -Itests/abi -Ibindings/librocketmq/include "-L$lib" \
                -lrocketmq -lmqproducer "-Wl,-rpath,$lib" "bindings/librocketmq/tests/$name.c" -o "$work/$name"
        done
        "$work/callbacks" keep-threads
        "$work/transactions"
    fi
}
