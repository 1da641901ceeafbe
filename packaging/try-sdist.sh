#!/bin/sh
# try-sdist.sh LIBRARY: makes Python's source distribution and installs it where there is no cargo: it says so, and with
# MQPRODUCER_BUNDLE empty it installs without a library and sends by LIBRARY. MQP_TEST_LONG=1: where cargo is, it builds.
set -eu
library=$(realpath "$1")
cd "$(dirname "$0")/.."
first=$PWD/packaging/first/first.py
sh packaging/wheel.sh sdist >/dev/null 2>&1
sdist=$(realpath dist/wheels/mqproducer-"$(sh packaging/version.sh)".tar.gz)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MQPRODUCER_LIBRARY MQPRODUCER_BUNDLE PYTHONPATH
"${PYTHON:-python3}" -m venv "$work/empty"
"$work/empty/bin/pip" install --quiet --disable-pip-version-check 'setuptools>=61' wheel
install_it() { "$work/empty/bin/pip" install --quiet --disable-pip-version-check --no-index --no-build-isolation "$sdist"; }
if PATH=$work/empty/bin install_it >"$work/log" 2>&1; then echo "it was built without cargo"; exit 1; fi
grep -q 'cargo is not on PATH: install Rust' "$work/log" || { cat "$work/log"; exit 1; }
PATH=$work/empty/bin MQPRODUCER_BUNDLE='' install_it
MQPRODUCER_LIBRARY=$library "$work/empty/bin/python" "$first"
if [ -n "${MQP_TEST_LONG-}" ]; then
    "$work/empty/bin/pip" uninstall --quiet --yes mqproducer
    install_it
    "$work/empty/bin/python" "$first"
    built=", where it is it builds"
fi
echo "the source distribution: without cargo it says what is missing, and takes a library that is there${built-}"
