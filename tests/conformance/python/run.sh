#!/bin/sh
# The Python runner, on the library in the target folder; see tests/conformance/README.md. PYTHON names another Python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
export MQPRODUCER_LIBRARY="${CARGO_TARGET_DIR:-$root/target}/debug/libmqproducer.so"
export PYTHONPATH="$root/bindings/python" PYTHONDONTWRITEBYTECODE=1
exec "${PYTHON:-python3}" "$here/run.py" "$@"
