#!/bin/sh
# The Go wrapper: vet, tests with the race detector, and with strict checks of what crosses into C.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
lib=${CARGO_TARGET_DIR:-$root/target}/debug
${CARGO:-cargo} build
export CGO_LDFLAGS="'-L$lib' '-Wl,-rpath,$lib'"
cd bindings/go
go vet ./...
GOEXPERIMENT=cgocheck2 go test -count=1 ./... -v >"$lib/go-plain.log" 2>&1 || { cat "$lib/go-plain.log"; exit 1; }
go test -race -count=1 ./... -v >"$lib/go-race.log" 2>&1 || { cat "$lib/go-race.log"; exit 1; }
if CGO_ENABLED=0 go build ./... 2>"$lib/go-nocgo.log"; then
    echo "a build without cgo must fail with an explanation"
    exit 1
fi
cat "$lib/go-nocgo.log"
echo "summary: $(go version | cut -d' ' -f3), $(grep -c '^--- PASS' "$lib/go-race.log") tests passed, plain and with -race"
