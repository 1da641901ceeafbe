#!/bin/sh
# Builds the drivers that README.md describes; each finds the library, and Python its package, in the folder `lib` beside it.
# $1: the library, as `make package` makes it; $2: the folder for the drivers.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$2/lib"
out=$(cd "$2" && pwd)
# A driver that is running keeps the file it has.
rm -rf "$out/lib/libmqproducer.so" "$out/lib/mqproducer"
cp "$1" "$out/lib/libmqproducer.so"
# The packaged library has a name of its own, by which the drivers look for it.
ln -sf libmqproducer.so "$out/lib/libmqproducer.so.0"
cp -R "$root/bindings/python/mqproducer" "$out/lib/"
cp "$here/python/driver.py" "$out/lib/"

flags="-O2 -Wall -Wextra -Werror -I$root/include"
# The flags are a list of words; the linker, not the shell, knows what $ORIGIN is.
# shellcheck disable=SC2016,SC2086
{
    "${CC:-cc}" -std=gnu11 $flags "$here/c/driver.c" -o "$out/c" "-L$out/lib" -lmqproducer '-Wl,-rpath,$ORIGIN/lib' -lpthread
    "${CXX:-c++}" -std=c++17 $flags "-I$root/bindings/cpp/include" "$here/cpp/driver.cpp" -o "$out/cpp" "-L$out/lib" \
        -lmqproducer '-Wl,-rpath,$ORIGIN/lib' -lpthread
    (cd "$here/go" && CGO_LDFLAGS="'-L$out/lib' '-Wl,-rpath,\$ORIGIN/lib'" go build -o "$out/go" .)
}
cat >"$out/python" <<'SCRIPT'
#!/bin/sh
lib=$(dirname "$0")/lib
MQPRODUCER_LIBRARY=$lib/libmqproducer.so PYTHONPATH=$lib exec "${PYTHON:-python3}" "$lib/driver.py" "$@"
SCRIPT
chmod +x "$out/python"
