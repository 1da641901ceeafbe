#!/bin/sh
# proof.sh ARCHITECTURE...: takes what `make packages` has left in dist/, installs each package by its one command in an
# empty Debian 12 (amd64; arm64 by qemu where this machine is none) and sends the first program of the README from there:
# in C, with a C compiler and nothing else; in Python, without one; in Go. No root has a network while it sends. A line
# for each. Takes root, debootstrap, unshare and ip, for the other processor qemu-user-static and the compiler that
# packaging/cross.sh has made. The roots stay in $CARGO_TARGET_DIR/proof. MQP_LIMIT_MS (3000): from the start of pip to
# the first acknowledged message; not asked of an emulated processor. MQP_PROOF: some of the parts.
set -eu
cd "$(dirname "$0")/.."
[ "${MQP_PROOF_INSIDE-}" = yes ] || exec env MQP_PROOF_INSIDE=yes unshare --mount --propagation private sh "$0" "$@"
version=$(sh packaging/version.sh)
target=${CARGO_TARGET_DIR:-$PWD/target}
packages=$target/packages
module=${MQP_GO_MODULE:-mqproducer.example/mqproducer}
dist=$PWD/dist
(cd dist && sha256sum --quiet --strict -c SHA256SUMS)
sums=$(sha256sum <dist/SHA256SUMS)

emulated=
trial=$target/proof/trial
# Never below what is mounted there.
clear_trial() {
    if mountpoint -q "$trial/proc"; then umount -l "$trial/proc"; fi
    rm -rf --one-file-system "$trial"
}
finish() {
    clear_trial
    [ -z "$emulated" ] || sh packaging/emulate.sh off "$emulated"
}
trap finish EXIT

# fresh NAME: the root NAME of this architecture as it was made, in $trial.
fresh() {
    clear_trial
    cp -a "$roots/$1" "$trial"
    mount -t proc proc "$trial/proc"
    mkdir "$trial/try"
}
# in_trial COMMAND: by the shell in the root, whose network is its own loop.
in_trial() {
    unshare --net sh -c 'ip link set lo up && exec "$@"' sh \
        chroot "$trial" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -euc "cd /try
$1"
}
# sent FILE PATTERN TIMES: as many lines of what the program printed are receipts.
sent() { [ "$(grep -cE "$2" "$1")" = "$3" ] || { cat "$1"; echo "these are not $3 receipts"; exit 1; }; }
three() { sent "$1" '^c (sync|async|oneway) id=[0-9A-F]{32} ' 3; }
one() { sent "$1" '^[0-9A-F]{32} [0-9]+ 0$' 1; }
say() { echo "$architecture: $*"; }
lacks() { for tool; do [ ! -e "$trial/usr/bin/$tool" ] || { echo "the root has $tool"; exit 1; }; done; }

debian_package() {
    fresh cc
    cp "dist/archives/mqproducer_${version}_$architecture.deb" examples/c/send.c examples/c/common.h "$trial/try/"
    in_trial "apt-get -qq -y -o Dpkg::Use-Pty=0 install ./mqproducer_${version}_$architecture.deb >apt.log 2>&1 || { cat apt.log; exit 1; }
cc send.c -o send -lmqproducer && ./send >shared.out
cc send.c -o static /usr/lib/*-linux-gnu/libmqproducer.a -lpthread -ldl -lm && ./static >static.out"
    three "$trial/try/shared.out"
    three "$trial/try/static.out"
    say "apt-get install ./mqproducer_${version}_$architecture.deb; cc send.c -lmqproducer: sent; with the archive: sent"
    in_trial "apt-get -qq -y -o Dpkg::Use-Pty=0 remove mqproducer >apt.log 2>&1 || { cat apt.log; exit 1; }
[ ! -e /usr/include/mqproducer.h ] && if ./send >gone.out 2>&1; then exit 1; fi
./static >static.out"
    say "apt-get remove mqproducer: nothing left; the program with the archive inside still sends"
}

archive() {
    name=mqproducer-$version-linux-$processor-gnu
    fresh cc
    cp "dist/archives/$name.tar.gz" examples/c/send.c examples/c/common.h "$trial/try/"
    in_trial "tar -xzf $name.tar.gz -C /usr/local --strip-components=1 && ldconfig
cc send.c -o send -lmqproducer && ./send >shared.out"
    three "$trial/try/shared.out"
    say "tar -xzf $name.tar.gz -C /usr/local; cc send.c -lmqproducer: sent"
}

wheel() {
    name=mqproducer-$version-py3-none-manylinux_2_17_$processor.whl
    fresh python
    lacks cc gcc c99 cargo
    cp "dist/wheels/$name" packaging/first/first.py "$trial/try/"
    in_trial "python3 -m venv empty"
    begin=$(date +%s%N)
    in_trial "empty/bin/pip install --quiet --disable-pip-version-check ./$name && empty/bin/python first.py >python.out"
    took=$((($(date +%s%N) - begin) / 1000000))
    one "$trial/try/python.out"
    say "pip install $name, without a compiler; Python: sent $took ms after pip's start"
    [ -n "$emulated_here" ] || [ "$took" -lt "${MQP_LIMIT_MS:-3000}" ] || { echo "that is $took ms"; exit 1; }
}

# A new project with the module from the proxy, in the folder $1.
go_project() {
    mkdir -p "$1"
    sed "s|@MODULE@|$module|" packaging/first/first.go.in >"$1/main.go"
}
go_commands() {
    echo "export GOPROXY=file://$1 GONOSUMDB=$module GOFLAGS=-modcacherw GOTOOLCHAIN=local GOSUMDB=off
go mod init first 2>/dev/null
go get $module 2>/dev/null"
}
# go_build_here CC OPTION...: the project in the root, built on this machine by its Go and the compiler CC.
go_build_here() (
    cd "$trial/try/project"
    export GOMODCACHE="$trial/try/cache" GOOS=linux GOARCH="$architecture" CGO_ENABLED=1 CC="$1"
    shift
    eval "$(go_commands "$dist/go/proxy")"
    go build "$@" -o ../first .
)
go_module() {
    if [ -e "$roots/go" ]; then
        fresh go
        cp -R dist/go/proxy "$trial/try/proxy"
        go_project "$trial/try/project"
        in_trial "export PATH=\$PATH:\$(echo /usr/lib/go-*/bin) && cd project
$(go_commands /try/proxy)
go build -o ../first ."
        how="go get $module from a folder; go build"
    else
        # Go builds for each processor anywhere.
        fresh base
        go_project "$trial/try/project"
        # What unwinds is the system's; zig knows none.
        go_build_here "$packages/linux-$processor-gnu/tools/cc" -ldflags "-extldflags $packages/linux-$processor-gnu/tools/libgcc_s.so.1"
        how="go get $module from a folder; go build for $architecture on this machine"
    fi
    mv "$trial/try/first" "$target/proof/first"
    fresh base
    lacks cc gcc go
    mv "$target/proof/first" "$trial/try/first"
    in_trial "./first >go.out"
    one "$trial/try/go.out"
    say "$how; the program alone in an empty root: sent"
}

# Programs of musl's: with the shared library, in a root that has musl; with the archive, in an empty one; both compilers
# are zig's, since Debian has none for another processor.
musl() {
    cc=$packages/linux-$processor-musl/tools/cc
    name=mqproducer-$version-linux-$processor-musl
    [ -e "dist/archives/$name.tar.gz" ] || { say "there is no $name.tar.gz"; return; }
    fresh musl
    mkdir "$trial/try/installed"
    tar -xzf "dist/archives/$name.tar.gz" -C "$trial/try/installed" --strip-components=1
    installed=$trial/try/installed
    $cc -I"$installed/include" examples/c/send.c -o "$trial/try/shared" -L"$installed/lib" -lmqproducer
    $cc -static -I"$installed/include" examples/c/send.c -o "$trial/try/static" "$installed/lib/libmqproducer.a" -lunwind
    in_trial "LD_LIBRARY_PATH=/try/installed/lib ./shared >shared.out"
    three "$trial/try/shared.out"
    cp "$trial/try/static" "$target/proof/static"
    fresh base
    mv "$target/proof/static" "$trial/try/static"
    in_trial "./static >static.out"
    three "$trial/try/static.out"
    say "$name.tar.gz: C with musl: sent; linked -static, in an empty root: sent"
    go_project "$trial/try/project"
    go_build_here "$cc" -tags musl -ldflags "-linkmode external -extldflags '-static -lunwind'"
    in_trial "./first >go.out"
    one "$trial/try/go.out"
    say "go build -tags musl, static, for $architecture on this machine; the program alone in an empty root: sent"
}

for architecture; do
    case $architecture in
    amd64) processor=x86_64 ;;
    arm64) processor=aarch64 ;;
    *) echo "proof.sh: no architecture '$architecture'; there are amd64 and arm64" >&2; exit 2 ;;
    esac
    roots=$target/proof/$architecture
    emulated_here=
    if [ "$processor" != "$(uname -m)" ]; then
        emulated=$processor emulated_here=yes
        sh packaging/emulate.sh on "$processor"
    fi
    sh packaging/roots.sh "$architecture" "$roots"
    for part in ${MQP_PROOF:-debian_package archive wheel go_module musl}; do "$part"; done
done
(cd dist && sha256sum --quiet --strict -c SHA256SUMS)
[ "$sums" = "$(sha256sum <dist/SHA256SUMS)" ]
echo "all of it with the files of dist/SHA256SUMS, whose own sum is ${sums%% *}"
