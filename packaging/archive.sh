#!/bin/sh
# archive.sh TREE OUT NAME: packs TREE as OUT/NAME.tar.gz, in which all is below the folder NAME. The same files give the
# same archive.
set -eu
tree=$1 out=$2 name=$3
tar -C "$tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" \
    --transform "s|^\.|$name|" -cf - . | gzip -9n >"$out/$name.tar.gz"
