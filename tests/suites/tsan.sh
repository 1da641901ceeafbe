#!/bin/sh
# ThreadSanitizer on callbacks, close and auto_batch, the standard library instrumented too. A deliberate race proves
# that it sees.
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
elif has_source rustc && clang=clang-$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p') && command -v "$clang"; then
    run=$CARGO
    # A stable compiler takes the unstable flags when it is told that it builds itself; distributions leave the
    # sanitizer's runtime to the clang of the same LLVM.
    export RUSTC_BOOTSTRAP=1
    flags="-Zexternal-clangrt -Clinker=$clang -Clink-arg=-fsanitize=thread"
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
# The command is a list of words.
# shellcheck disable=SC2086
{
    if (cd "$work" && $run run -Zbuild-std --target "$host") >"$work/log" 2>&1; then
        echo "ThreadSanitizer did not find a race that is there"
        exit 1
    fi
    grep -q "data race" "$work/log" || { cat "$work/log"; exit 1; }
    $run test -Zbuild-std --target "$host" --test callback_close --test auto_batch
}
