#!/bin/sh
# try-wheel.sh WHEEL: installs it by pip into an empty virtual environment, without any index, and sends the first
# program of the README. Prints the time from the start of pip to the acknowledged message; with MQP_LIMIT_MS it must be
# below that, which a busy machine cannot promise.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
wheel=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# Nothing of the machine's may help.
unset MQPRODUCER_LIBRARY PYTHONPATH LD_LIBRARY_PATH
"${PYTHON:-python3}" -m venv empty
begin=$(date +%s%N)
empty/bin/pip install --quiet --no-index "$wheel"
empty/bin/python "$here/first/first.py"
took=$((($(date +%s%N) - begin) / 1000000))
echo "from pip install to the first acknowledged message: $took ms"
[ "$took" -lt "${MQP_LIMIT_MS:-$((took + 1))}" ]
