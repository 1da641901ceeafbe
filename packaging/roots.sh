#!/bin/sh
# roots.sh ARCHITECTURE FOLDER: makes the roots in which proof.sh tries the packages, where they are not there yet: FOLDER/base,
# an empty Debian 12; FOLDER/cc with a C compiler more; FOLDER/python with Python and no compiler; FOLDER/musl with the
# C library musl; and where the processor is this machine's, FOLDER/go with Go and the C compiler it asks for. Takes root.
set -eu
cd "$(dirname "$0")/.."
architecture=$1 folder=$2
mkdir -p "$folder"
# made NAME FROM PACKAGE...: whole or not at all.
made() {
    name=$1 from=$2
    shift 2
    [ -e "$folder/$name" ] && return
    rm -rf "$folder/new"
    [ -z "$from" ] || cp -a "$folder/$from" "$folder/new"
    sh packaging/root.sh "$architecture" "$folder/new" "$@" >"$folder/$name.log" 2>&1 || { tail -n 20 "$folder/$name.log"; exit 1; }
    mv "$folder/new" "$folder/$name"
    echo "root $architecture/$name: $(du -sm "$folder/$name" | cut -f1) MiB"
}
made base ""
made cc base gcc libc6-dev
made python base python3 python3-venv
made musl base musl
[ "$(dpkg --print-architecture)" != "$architecture" ] || made go cc golang-1.23-go
