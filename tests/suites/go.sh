#!/bin/sh
# The Go wrapper: vet, staticcheck, tests with the race detector, and with strict checks of what crosses into C.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
lib=${CARGO_TARGET_DIR:-$root/target}/debug
${CARGO:-cargo} build
export CGO_LDFLAGS="'-L$lib' '-Wl,-rpath,$lib'"
cd bindings/go
go vet ./...
others="examples/go tests/conformance/go benches/drivers/go"
for other in $others; do
    (cd "$root/$other" && go vet ./...)
done
# It comes from the module proxy; without a network it is left out, and the summary says so.
checks="without staticcheck"
if GOBIN=$lib go install honnef.co/go/tools/cmd/staticcheck@v0.8.2 2>"$lib/go-staticcheck.log"; then
    "$lib/staticcheck" ./...
    for other in $others; do
        (cd "$root/$other" && "$lib/staticcheck" ./...)
    done
    checks="staticcheck"
fi
GOEXPERIMENT=cgocheck2 go test -count=1 ./... -v >"$lib/go-plain.log" 2>&1 || { cat "$lib/go-plain.log"; exit 1; }
go test -race -count=1 ./... -v >"$lib/go-race.log" 2>&1 || { cat "$lib/go-race.log"; exit 1; }
if CGO_ENABLED=0 go build ./... 2>"$lib/go-nocgo.log"; then
    echo "a build without cgo must fail with an explanation"
    exit 1
fi
cat "$lib/go-nocgo.log"
crossings=$(sed -n 's/.*: \([0-9.]* cgo calls per 1000 completions\);.*/\1/p' "$lib/go-plain.log")
echo "summary: $(go version | cut -d' ' -f3), $(grep -c '^--- PASS' "$lib/go-race.log") tests passed, plain and with -race; $checks; $crossings"
