#!/bin/sh
# run.sh LIBRARIES INCLUDE WORK: the bindings as their registries have them on the drop-in in LIBRARIES, on embedded
# clusters. The environment's MQPRODUCER_LIBRARY is what those come from.
set -eu
libraries=$1 include=$2 work=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"

# binding NAME PACKAGE PROGRAM: one of Python, with the library in its folder.
binding() {
    [ -x "$work/$1/bin/python" ] || python3 -m venv "$work/$1"
    "$work/$1/bin/python" -c 'import rocketmq' 2>/dev/null || "$work/$1/bin/pip" install --quiet --disable-pip-version-check "$2"
    folder=$("$work/$1/bin/python" -c 'import importlib.util as u; print(u.find_spec("rocketmq").submodule_search_locations[0])')
    cp "$libraries/librocketmq.so" "$folder/"
    python3 "$here/check.py" "$2" "$work/$1/bin/python" "$here/$3"
}
binding python-044 rocketmq==0.4.4 python_044.py
binding python-200 rocketmq-client-python==2.0.0 python_200.py

# Go, with the shared library and with the static one, which is alone in its folder.
export CGO_CFLAGS="-I$include"
mkdir -p "$work/static"
cp "$libraries/librocketmq.a" "$work/static/"
(
    cd "$here/go"
    CGO_LDFLAGS="-L$libraries" go build -o "$work/go-dynamic" .
    CGO_LDFLAGS="-L$work/static" go build -o "$work/go-static" .
)
readelf -d "$work/go-dynamic" | grep -q 'NEEDED.*librocketmq\.so'
if readelf -d "$work/go-static" | grep 'NEEDED.*librocketmq'; then
    echo "the static program needs the shared library"
    exit 1
fi
go="github.com/apache/rocketmq-client-go v1.2.4"
LD_LIBRARY_PATH=$libraries python3 "$here/check.py" "$go, dynamic" "$work/go-dynamic"
python3 "$here/check.py" "$go, static" "$work/go-static"
