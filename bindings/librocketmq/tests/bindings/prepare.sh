#!/bin/sh
# prepare.sh DROP_IN WORK: the bindings as their registries have them, with the libraries of the folder DROP_IN.
set -eu
libraries=$1/lib include=$1/include work=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work/static"

# binding NAME PACKAGE: one of Python, with the library in its folder.
binding() {
    [ -x "$work/$1/bin/python" ] || python3 -m venv "$work/$1"
    # Anew, so that the wheel's own library is in its place, and not the drop-in of an earlier run.
    "$work/$1/bin/pip" install --quiet --disable-pip-version-check --force-reinstall "$2"
    folder=$("$work/$1/bin/python" -c 'import importlib.util as u; print(u.find_spec("rocketmq").submodule_search_locations[0])')
    # For comparison; one of the two has none.
    rm -f "$work/$1/librocketmq.so"
    [ ! -e "$folder/librocketmq.so" ] || cp "$folder/librocketmq.so" "$work/$1/"
    rm -f "$folder/librocketmq.so"
    cp "$libraries/librocketmq.so" "$folder/"
}
binding python-044 rocketmq==0.4.4
binding python-200 rocketmq-client-python==2.0.0
if grep -q 'librocketmq of mqproducer' "$work/python-044/librocketmq.so"; then
    echo "what should be the old library is the drop-in"
    exit 1
fi

# Go, with the shared library and with the static one, which is alone in its folder.
cp "$libraries/librocketmq.a" "$work/static/"
cd "$here/go"
export CGO_CFLAGS="-I$include"
CGO_LDFLAGS="-L$libraries" go build -o "$work/go-dynamic" .
CGO_LDFLAGS="-L$work/static" go build -o "$work/go-static" .
readelf -d "$work/go-dynamic" | grep -q 'NEEDED.*librocketmq\.so'
if readelf -d "$work/go-static" | grep 'NEEDED.*librocketmq'; then
    echo "the static program needs the shared library"
    exit 1
fi
