#!/bin/sh
# run.sh DROP_IN WORK: the bindings on the drop-in in the folder DROP_IN, on embedded clusters, which come from
# MQPRODUCER_LIBRARY of the environment.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$2
sh "$here/prepare.sh" "$1" "$work"
python3 "$here/check.py" "rocketmq 0.4.4" "$work/python-044/bin/python" "$here/python_044.py"
python3 "$here/check.py" "rocketmq-client-python 2.0.0" "$work/python-200/bin/python" "$here/python_200.py"
go="rocketmq-client-go v1.2.4"
LD_LIBRARY_PATH=$1/lib python3 "$here/check.py" "$go, dynamic" "$work/go-dynamic"
python3 "$here/check.py" "$go, static" "$work/go-static"
python3 "$here/ends.py" "$work/python-044/bin/python"
count=2000
[ "${MQP_TEST_LONG:-0}" = 0 ] || count=20000
# The library of the wheel, where this machine can run it, in a copy of the binding.
set -- "$work/python-044/bin/python"
if [ -e "$work/python-044/librocketmq.so" ]; then
    rm -rf "$work/python-044-old"
    python3 -m venv "$work/python-044-old"
    packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])'; }
    cp -a "$(packages "$work/python-044")/rocketmq" "$(packages "$work/python-044-old")/"
    cp "$work/python-044/librocketmq.so" "$(packages "$work/python-044-old")/rocketmq/"
    set -- "$work/python-044-old/bin/python" "$@"
fi
python3 "$here/compare.py" $count "$@"
