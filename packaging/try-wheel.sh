#!/bin/sh
# try-wheel.sh WHEEL: installs it by pip into an empty virtual environment, without any index, and sends the first
# program of the README. Prints the time from the start of pip to the acknowledged message; with MQP_LIMIT_MS it must be
# below that, which a busy machine cannot promise.
set -eu
wheel=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# Nothing of the machine's may help.
unset MQPRODUCER_LIBRARY PYTHONPATH LD_LIBRARY_PATH
"${PYTHON:-python3}" -m venv empty
cat >first.py <<'PYTHON'
from mqproducer import Producer

with Producer("mock://demo", group="orders") as producer:
    receipt = producer.send("Orders", b"hello", tags="new", keys="order-1")
    assert len(receipt.message_id) == 32 and receipt.queue_offset == 0, receipt
    print(receipt.message_id, receipt.queue_id, receipt.queue_offset)
PYTHON
begin=$(date +%s%N)
empty/bin/pip install --quiet --no-index "$wheel"
empty/bin/python first.py
took=$((($(date +%s%N) - begin) / 1000000))
echo "from pip install to the first acknowledged message: $took ms"
[ "$took" -lt "${MQP_LIMIT_MS:-$((took + 1))}" ]
