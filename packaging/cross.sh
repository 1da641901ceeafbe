#!/bin/sh
# cross.sh PLATFORM...: builds the libraries for each PLATFORM (linux-{x86_64,aarch64}-{gnu,musl}) on any x86-64 Linux,
# stripped, into $CARGO_TARGET_DIR/packages/PLATFORM/libraries, and the drop-in for the native client into …/librocketmq.
# Those for gnu run from glibc 2.17 on.
# Zig, from PyPI, compiles the C parts and links. Rust's standard library for the platform comes by rustup; where there is
# none it is built from its source, which must be there: rustup toolchain install nightly --component rust-src, or
# Debian's rust-web-src.
# Another processor takes its binutils, too: binutils-aarch64-linux-gnu.
set -eu
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
packages=${CARGO_TARGET_DIR:-$PWD/target}/packages
mkdir -p "$packages"
packages=$(cd "$packages" && pwd)
zig_version=0.17.1
if [ -z "${ZIG:-}" ]; then
    [ -x "$packages/tools/bin/python" ] || python3 -m venv "$packages/tools"
    "$packages/tools/bin/python" -m ziglang version 2>/dev/null | grep -qx "$zig_version" ||
        "$packages/tools/bin/pip" install -q "ziglang==$zig_version"
    ZIG="$packages/tools/bin/python -m ziglang"
fi
export ZIG
has_source() { [ -d "$("$@" --print sysroot)/lib/rustlib/src/rust/library/std" ]; }
soname=libmqproducer.so.$(sh packaging/version.sh | cut -d. -f1)
for platform; do
    processor=${platform#linux-}
    processor=${processor%-*}
    target=$processor-unknown-linux-${platform##*-}
    run=$CARGO
    build_std=
    library=$(rustc --print sysroot)/lib/rustlib/$target/lib
    [ -d "$library" ] || ! command -v rustup >/dev/null 2>&1 || rustup target add "$target" || :
    if [ ! -d "$library" ]; then
        build_std=-Zbuild-std=std,panic_unwind
        if has_source rustc; then
            export RUSTC_BOOTSTRAP=1
        elif command -v rustup >/dev/null 2>&1 && has_source rustc +nightly; then
            run="cargo +nightly"
        else
            echo "$platform: Rust's standard library for $target is neither installed nor there as source" >&2
            exit 1
        fi
    fi
    tools=$packages/$platform/tools
    sh packaging/zig.sh "$platform" "$tools"
    lower=$(echo "$target" | tr - _)
    upper=$(echo "$lower" | tr '[:lower:]' '[:upper:]')
    flags="-Alinker_messages $(sh packaging/rustflags.sh "$target")"
    case $platform in *-musl) flags="$flags -Ctarget-feature=-crt-static -Clink-self-contained=no" ;; esac
    # run_cargo COMMAND ARGUMENT...
    run_cargo() {
        command=$1
        shift
        # The command is a list of words.
        # shellcheck disable=SC2086
        env "CARGO_TARGET_${upper}_LINKER=$tools/cc" "CARGO_TARGET_${upper}_RUSTFLAGS=$flags" \
            "CC_$lower=$tools/cc" "AR_$lower=$tools/ar" "RANLIB_$lower=$tools/ranlib" \
            $run "$command" $build_std --locked --release --target "$target" "$@"
    }
    run_cargo rustc --lib --crate-type cdylib,staticlib -- -C "link-arg=-Wl,-soname,$soname"
    built=${CARGO_TARGET_DIR:-$PWD/target}/$target/release
    prefix=
    [ "$processor" = "$(uname -m)" ] || prefix=$processor-linux-gnu-
    sh packaging/strip.sh "$built/libmqproducer.so" "$built/libmqproducer.a" "$packages/$platform/libraries" "$prefix"
    sh packaging/whole.sh "$packages/$platform/libraries/libmqproducer.a" "$packages/$platform/libraries/libmqproducer-whole.a" "$prefix"
    sh packaging/inspect.sh "$platform" "$packages/$platform/libraries"

    # In a folder of its own: there the core is built without its C surface.
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/librocketmq run_cargo build -p librocketmq
    built=${CARGO_TARGET_DIR:-$PWD/target}/librocketmq/$target/release
    mkdir -p "$packages/$platform/librocketmq"
    "${prefix}strip" --strip-unneeded -o "$packages/$platform/librocketmq/librocketmq.so" "$built/librocketmq.so"
    chmod 644 "$packages/$platform/librocketmq/librocketmq.so"
    sh bindings/librocketmq/archive.sh "$built/librocketmq.a" "$packages/$platform/librocketmq/librocketmq.a" "$prefix"
    sh packaging/inspect.sh "$platform" "$packages/$platform/librocketmq"
done
