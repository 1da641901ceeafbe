#!/bin/sh
# inspect.sh PLATFORM FOLDER...: each shared library in the folders, libmqproducer.so.VERSION or librocketmq.so, needs
# nothing but the C library's and the compiler's own, runs from glibc 2.17 on (gnu), is for the processor, has its name,
# exports the listed functions only, names no folder of this machine, and is below 5 MiB. Prints a line each.
set -eu
platform=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
version=$(sh "$here/version.sh")
limit=5242880
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case $platform in
linux-x86_64-*) machine=X86-64 ;;
linux-aarch64-*) machine=AArch64 ;;
*) echo "inspect.sh: no platform '$platform'" >&2; exit 2 ;;
esac
case $platform in
*-musl) allowed='libc\.so|libc\.musl-[a-z0-9_]*\.so\.1' ;;
*) allowed='libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|ld-linux-(x86-64|aarch64)\.so\.[12]' ;;
esac
for folder; do
    if [ -e "$folder/librocketmq.so" ]; then
        file=$folder/librocketmq.so name=librocketmq.so
        LC_ALL=C sort "$here/../bindings/librocketmq/symbols.txt" >"$work/listed"
    else
        file=$folder/libmqproducer.so.$version name=libmqproducer.so.${version%%.*}
        sed -n 's/^\(mqp_[a-z0-9_]*\).*/\1/p' "$here/../tests/abi/symbols.txt" | LC_ALL=C sort >"$work/listed"
    fi
    readelf -hW "$file" | grep -q "Machine:.*$machine" || { echo "$file is for another processor"; exit 1; }
    if grep -qaF -e "${CARGO_HOME:-$HOME/.cargo}" -e "$(cd "$here/.." && pwd)" "$file"; then echo "$file names folders of this machine"; exit 1; fi
    readelf -dW "$file" >"$work/dynamic"
    needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic")
    if echo "$needed" | grep -vxE "$allowed"; then echo "$file needs what is above"; exit 1; fi
    grep -qF "[$name]" "$work/dynamic" || { echo "$file has another name"; exit 1; }
    grep -q "(FLAGS_1).*NODELETE" "$work/dynamic" || { echo "$file may be unmapped"; exit 1; }
    readelf -sW --dyn-syms "$file" >"$work/symbols"
    awk '$7 != "UND" && $5 == "GLOBAL" && $8 != "" {print $8}' "$work/symbols" | sed 's/@.*//' | LC_ALL=C sort -u | diff "$work/listed" -
    floor=$(grep -o 'GLIBC_[0-9.]*' "$work/symbols" | sort -Vu | tail -n 1)
    case $platform in
    *-gnu)
        top=$(printf '%s\n' "$floor" "GLIBC_${MQP_GLIBC_FLOOR:-2.17}" | sort -V | tail -n 1)
        [ "$top" = "GLIBC_${MQP_GLIBC_FLOOR:-2.17}" ] || { echo "$file takes $floor"; exit 1; }
        ;;
    esac
    size=$(wc -c <"$file")
    [ "$size" -lt "$limit" ] || { echo "$file has $size bytes; the limit is $limit"; exit 1; }
    echo "$platform: $(basename "$file") $size bytes, needs $(echo "$needed" | paste -sd' '), highest ${floor:-no GLIBC version}"
done
