#!/bin/sh
# inspect.sh PLATFORM LIBRARIES...: each shared library in the folders needs nothing but the C library's and the compiler's own,
# runs from glibc 2.17 on (gnu), has its name, exports the listed functions only, and is below 5 MiB. Prints a line each.
set -eu
platform=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
version=$(sh "$here/version.sh")
limit=5242880
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n 's/^\(mqp_[a-z0-9_]*\).*/\1/p' "$here/../tests/abi/symbols.txt" | LC_ALL=C sort >"$work/listed"
case $platform in
*-musl) allowed='libc\.so|libc\.musl-[a-z0-9_]*\.so\.1' ;;
*) allowed='libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|ld-linux-(x86-64|aarch64)\.so\.[12]' ;;
esac
for folder; do
    file=$folder/libmqproducer.so.$version
    readelf -dW "$file" >"$work/dynamic"
    needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic")
    if echo "$needed" | grep -vxE "$allowed"; then echo "$file needs what is above"; exit 1; fi
    grep -q "(SONAME).*\[libmqproducer\.so\.${version%%.*}\]" "$work/dynamic" || { echo "$file has another name"; exit 1; }
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
    echo "$platform: $size bytes, needs $(echo "$needed" | paste -sd' '), highest ${floor:-no GLIBC version}"
done
