#!/bin/sh
# try-go.sh PROXY MODULE: a new Go project takes the module from a module proxy in a folder, without pkg-config and
# without an installed library, and sends; then vendored; and without cgo the compiler says what is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
proxy=$(realpath "$1") module=$2
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
unset CGO_LDFLAGS CGO_CFLAGS LD_LIBRARY_PATH
export GOPROXY="file://$proxy" GONOSUMDB="$module" GONOSUMCHECK=1 GOFLAGS=-modcacherw GOMODCACHE="$work/cache" GOTOOLCHAIN=local \
    PKG_CONFIG=/nonexistent GOSUMDB=off
mkdir "$work/project"
cd "$work/project"
sed "s|@MODULE@|$module|" "$here/first/first.go.in" >main.go
go mod init first 2>/dev/null
go get "$module"
go build -o first .
./first
if readelf -d first | grep -q 'NEEDED.*mqproducer'; then echo "it takes the shared library"; exit 1; fi
go mod vendor
go build -mod=vendor -o vendored .
./vendored
rm -r vendor
if CGO_ENABLED=0 go build -o none . 2>log; then echo "it was built without cgo"; exit 1; fi
grep mqproducer_needs_cgo_set_CGO_ENABLED_1_and_install_a_C_compiler log
if go build -tags mqproducer_shared -o shared . 2>log; then
    readelf -d shared | grep 'NEEDED.*mqproducer'
else
    # It is not installed here: the linker looks for it by its name.
    grep -q -e '-lmqproducer' log
fi
echo "the Go module: got, built, vendored, sent; needs nothing installed"
