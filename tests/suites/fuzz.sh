#!/bin/sh
# Inputs nobody thought of: the kept ones of each fuzz target again, and 5 s of new ones; 30 minutes with MQP_TEST_LONG=1.
set -eu
cd "$(dirname "$0")/../.."
if [ "${MQP_TEST_LONG:-0}" = 1 ]; then seconds=1800; else seconds=5; fi
sh fuzz/run.sh "$seconds"
