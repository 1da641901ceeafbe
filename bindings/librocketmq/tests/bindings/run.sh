#!/bin/sh
# run.sh DROP_IN WORK: the bindings on the drop-in in the folder DROP_IN, on embedded clusters, which come from
# MQPRODUCER_LIBRARY of the environment.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$2
sh "$here/prepare.sh" "$1" "$work"
python3 "$here/check.py" "rocketmq 0.4.4" "$work/python-044/bin/python" "$here/python_044.py"
python3 "$here/check.py" "rocketmq-client-python 2.0.0" "$work/python-200/bin/python" "$here/python_200.py"
for program in go c; do
    LD_LIBRARY_PATH=$1/lib python3 "$here/check.py" "$program, dynamic" "$work/$program-dynamic"
    python3 "$here/check.py" "$program, static" "$work/$program-static"
done
python3 "$here/ends.py" "$work/python-044/bin/python"
count=2000
[ "${MQP_TEST_LONG:-0}" = 0 ] || count=20000
set -- "$work/python-044/bin/python"
[ ! -e "$work/python-044-old" ] || set -- "$work/python-044-old/bin/python" "$@"
python3 "$here/compare.py" $count "$@"
