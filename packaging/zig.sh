#!/bin/sh
# zig.sh PLATFORM FOLDER: makes in FOLDER a compiler `cc` (also the linker), `ar` and `ranlib` for PLATFORM out of zig, which brings
# the C library's headers and stubs for each: for gnu those of glibc 2.17. ZIG is the command, such as `python3 -m ziglang`.
set -eu
platform=$1 folder=$2
: "${ZIG:?the command of zig}"
case $platform in
linux-x86_64-gnu) target=x86_64-linux-gnu.2.17 ;;
linux-aarch64-gnu) target=aarch64-linux-gnu.2.17 ;;
linux-x86_64-musl) target=x86_64-linux-musl ;;
linux-aarch64-musl) target=aarch64-linux-musl ;;
*) echo "zig.sh: no platform '$platform'" >&2; exit 2 ;;
esac
mkdir -p "$folder"
case $platform in
*-gnu)
    # A thread that a callback ends by pthread_exit is unwound by the system's libgcc_s: the library must use the same
    # one. Zig has none, so this is what the linker needs of it: names and versions.
    unwind=$folder/libgcc_s.so.1
    {
        for name in Backtrace DeleteException FindEnclosingFunction ForcedUnwind GetCFA GetDataRelBase GetGR GetIP GetIPInfo \
            GetLanguageSpecificData GetRegionStart GetTextRelBase RaiseException Resume Resume_or_Rethrow SetGR SetIP; do
            echo "void _Unwind_$name(void) {}"
        done
    } >"$folder/unwind.c"
    cat >"$folder/unwind.map" <<'MAP'
GCC_3.0 {
    global: _Unwind_DeleteException; _Unwind_ForcedUnwind; _Unwind_GetDataRelBase; _Unwind_GetGR; _Unwind_GetIP;
        _Unwind_GetLanguageSpecificData; _Unwind_GetRegionStart; _Unwind_GetTextRelBase; _Unwind_RaiseException;
        _Unwind_Resume; _Unwind_SetGR; _Unwind_SetIP;
    local: *;
};
GCC_3.3 { global: _Unwind_Backtrace; _Unwind_FindEnclosingFunction; _Unwind_GetCFA; _Unwind_Resume_or_Rethrow; } GCC_3.0;
GCC_4.2.0 { global: _Unwind_GetIPInfo; } GCC_3.3;
MAP
    # The list of words is a command.
    # shellcheck disable=SC2086
    $ZIG cc -target "$target" -shared -nostdlib -Wl,-soname,libgcc_s.so.1 -Wl,--version-script="$folder/unwind.map" \
        -o "$unwind" "$folder/unwind.c"
    ;;
*) unwind=-lunwind ;;
esac
# Zig takes its target from us, and knows no libgcc; it links with its own linker.
cat >"$folder/cc" <<WRAPPER
#!/bin/sh
for argument; do
    shift
    case \$argument in
    --target=* | -fuse-ld=* | -lgcc | -lgcc_eh) continue ;;
    -lgcc_s) argument=$unwind ;;
    -B*gcc-ld | -Wl,--no-undefined-version) continue ;;
    esac
    set -- "\$@" "\$argument"
done
exec $ZIG cc -target $target -fno-sanitize=all $(cat "$(dirname "$0")/cflags") "\$@"
WRAPPER
for tool in ar ranlib; do
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$ZIG" "$tool" >"$folder/$tool"
done
chmod +x "$folder/cc" "$folder/ar" "$folder/ranlib"
