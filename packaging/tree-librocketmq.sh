#!/bin/sh
# tree-librocketmq.sh LIBRARIES ROOT LIBDIR: lays out ROOT as the installed drop-in for RocketMQ's native client, where
# programs and bindings look for that one: librocketmq.so and librocketmq.a, and the headers in include/rocketmq.
set -eu
from=$1 root=$2 libdir=$3
mkdir -p "$root/$libdir" "$root/include"
install -m 644 "$from/librocketmq.so" "$from/librocketmq.a" "$root/$libdir/"
cp -R "$(dirname "$0")/../bindings/librocketmq/include/rocketmq" "$root/include/"
