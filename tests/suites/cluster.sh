#!/bin/sh
# Every language against a real Apache RocketMQ, the official Java client against the embedded cluster, and a real
# ActiveMQ.
set -eu
cd "$(dirname "$0")/../.."
${CARGO:-cargo} build
${CARGO:-cargo} test --test cluster_selftest -- --nocapture
${CARGO:-cargo} test --test cluster
${CARGO:-cargo} test --test activemq
