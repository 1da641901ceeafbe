#!/bin/sh
# go.sh PACKAGES: makes the Go module with the static library inside for each platform that PACKAGES (see cross.sh) has,
# in dist/go/module, and in dist/go/proxy as a module proxy serves it: GOPROXY=file://….
# MQP_GO_MODULE: the path of the module, where it will be published; the default is no place of the Internet.
set -eu
cd "$(dirname "$0")/.."
packages=$1
module=${MQP_GO_MODULE:-mqproducer.example/mqproducer}
version=v$(sh packaging/version.sh)
out=dist/go/module
rm -rf dist/go
mkdir -p "$out"
for file in bindings/go/*; do
    case $file in
    *_test.go | */link.go | */go.mod | */testdata) ;;
    *) cp "$file" "$out/" ;;
    esac
done
cp include/mqproducer.h LICENSE "$out/"
sed "s|^module .*|module $module|" bindings/go/go.mod >"$out/go.mod"

# link NAME CONDITION LDFLAGS [IMPORT]
link() {
    {
        # Go, not the shell, knows what ${SRCDIR} is.
        # shellcheck disable=SC2016
        printf '//go:build %s\n\npackage mqproducer\n\n// #cgo CFLAGS: -I${SRCDIR}\n// #cgo LDFLAGS: %s\nimport "C"\n' "$2" "$3"
        [ -z "${4-}" ] || printf '\n// go mod vendor copies folders of packages only.\nimport _ "%s"\n' "$4"
    } >"$out/link_$1.go"
}
inside=
for processor in x86_64 aarch64; do
    case $processor in x86_64) go=amd64 ;; aarch64) go=arm64 ;; esac
    for libc in gnu musl; do
        archive=$packages/linux-$processor-$libc/libraries/libmqproducer-whole.a
        [ -e "$archive" ] || { echo "go.sh: no $archive: left out" >&2; continue; }
        case $libc in
        gnu) name=linux_$go tag='!musl' ;;
        musl) name=musl_$go tag=musl ;;
        esac
        mkdir -p "$out/lib/$name"
        cp "$archive" "$out/lib/$name/libmqproducer.a"
        printf '// Package %s holds the library for its platform.\npackage %s\n' "$name" "$name" >"$out/lib/$name/lib.go"
        link "on_${name}_cgo" "cgo && linux && $go && $tag && !mqproducer_shared" \
            "\${SRCDIR}/lib/$name/libmqproducer.a -lpthread -ldl -lm" "$module/lib/$name"
        inside="${inside:+$inside || }(linux && $go && $tag)"
    done
done
# The installed one in place of the one inside, by -tags mqproducer_shared; and where none is inside, so that the linker
# names what is missing.
link shared "cgo && (mqproducer_shared || !(${inside:-false}))" "-lmqproducer"
# It drops parentheses that a single platform does not need.
gofmt -w "$out/link_shared.go"
[ -z "$(gofmt -l "$out")" ]

proxy=dist/go/proxy/$module/@v
mkdir -p "$proxy"
echo "$version" >"$proxy/list"
cp "$out/go.mod" "$proxy/$version.mod"
printf '{"Version":"%s","Time":"%s"}\n' "$version" "$(date -u -d "@${SOURCE_DATE_EPOCH:-315532800}" +%Y-%m-%dT%H:%M:%SZ)" >"$proxy/$version.info"
python3 - "$out" "$proxy/$version.zip" "$module@$version" <<'PYTHON'
import pathlib, sys, zipfile
tree, target, prefix = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(p for p in tree.rglob("*") if p.is_file()):
        entry = zipfile.ZipInfo(f"{prefix}/{path.relative_to(tree)}")
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes())
PYTHON
ls -l "$proxy"
