#!/bin/sh
# Every language against a real Apache RocketMQ, the official Java client against the embedded cluster, and a real
# ActiveMQ.
set -eu
cd "$(dirname "$0")/../.."
${CARGO:-cargo} build
status=0
${CARGO:-cargo} test --test cluster_selftest -- --nocapture || status=$?
${CARGO:-cargo} test --test cluster || status=$?
${CARGO:-cargo} test --test activemq || status=$?
exit $status
