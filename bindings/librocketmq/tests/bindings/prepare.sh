#!/bin/sh
# prepare.sh DROP_IN WORK: the bindings as their registries have them, with the libraries of the folder DROP_IN. What was
# downloaded stays in WORK for the next time.
set -eu
drop_in=$(cd "$1" && pwd)
libraries=$drop_in/lib include=$drop_in/include work=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"

folder_of() { "$work/$1/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])'; }

# binding NAME PACKAGE: one of Python, with the drop-in in its folder. One of the two brings a library, which stays beside
# it for comparison.
binding() {
    if [ ! -e "$work/$1/prepared" ]; then
        rm -rf "${work:?}/$1"
        # Without pip, of which one is enough.
        python3 -m venv --without-pip "$work/$1"
        "$work/pip/bin/python" -m pip install --quiet --disable-pip-version-check --target "$(folder_of "$1")" "$2"
        [ ! -e "$(folder_of "$1")/rocketmq/librocketmq.so" ] || mv "$(folder_of "$1")/rocketmq/librocketmq.so" "$work/$1/"
        touch "$work/$1/prepared"
    fi
    cp "$libraries/librocketmq.so" "$(folder_of "$1")/rocketmq/"
}
[ -e "$work/pip/bin/pip" ] || python3 -m venv "$work/pip"
binding python-044 rocketmq==0.4.4
binding python-200 rocketmq-client-python==2.0.0
# The library of the wheel, where this machine can run it, in a copy of the binding.
if [ -e "$work/python-044/librocketmq.so" ]; then
    [ -x "$work/python-044-old/bin/python" ] || python3 -m venv --without-pip "$work/python-044-old"
    rm -rf "$(folder_of python-044-old)/rocketmq"
    cp -R "$(folder_of python-044)/rocketmq" "$(folder_of python-044-old)/"
    cp "$work/python-044/librocketmq.so" "$(folder_of python-044-old)/rocketmq/"
    if grep -q 'librocketmq of mqproducer' "$(folder_of python-044-old)/rocketmq/librocketmq.so"; then
        echo "what should be the old library is the drop-in"
        exit 1
    fi
fi

# Go and C, with the shared library and with the static one. Both stand in the same folder, one after the other: Go compiles
# the binding anew when a flag changes, and links no program anew when only a library does.
rm -rf "$work/link" "$work/go-dynamic" "$work/go-static"
mkdir "$work/link"
export CGO_CFLAGS="-I$include" CGO_LDFLAGS="-L$work/link"
flags="-std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Werror"
program=$here/program.c
for form in dynamic.so static.a; do
    rm -f "$work"/link/*
    cp "$libraries/librocketmq.${form#*.}" "$work/link/"
    (cd "$here/go" && go build -o "$work/go-${form%.*}" .)
    # The flags are a list of words.
    # shellcheck disable=SC2086
    cc $flags "-I$include" "$program" -o "$work/c-${form%.*}" "-L$work/link" -lrocketmq -lpthread -lm -ldl
done
for program in go c; do
    readelf -d "$work/$program-dynamic" | grep -q 'NEEDED.*librocketmq\.so'
    if readelf -d "$work/$program-static" | grep 'NEEDED.*librocketmq'; then
        echo "the static program needs the shared library"
        exit 1
    fi
done
