#!/bin/sh
# deb.sh LIBRARIES OUT ARCHITECTURE [librocketmq]: packs LIBRARIES (see tree.sh) as OUT/mqproducer_VERSION_ARCHITECTURE.deb,
# with the headers; or the drop-in for the native client as librocketmq_…. ARCHITECTURE is Debian's name: amd64, arm64.
# Takes ar and tar only, so that it works on any distribution.
set -eu
from=$1 out=$2 architecture=$3 name=${4:-mqproducer}
here=$(cd "$(dirname "$0")" && pwd)
version=$(sh "$here/version.sh")
case $architecture in
amd64) triplet=x86_64-linux-gnu ;;
arm64) triplet=aarch64-linux-gnu ;;
*) echo "deb.sh: no architecture '$architecture'; there are amd64 and arm64" >&2; exit 2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/data" "$work/control"
if [ "$name" = librocketmq ]; then
    what="drop-in for RocketMQ's native client, for producers" tree=tree-librocketmq.sh
else
    what="message-queue producer for Apache RocketMQ and ActiveMQ" tree=tree.sh
fi
sh "$here/$tree" "$from" "$work/data/usr" "lib/$triplet"
install -D -m 644 "$here/../LICENSE" "$work/data/usr/share/doc/$name/copyright"
chmod -R u=rwX,go=rX "$work/data"
cat >"$work/control/control" <<CONTROL
Package: $name
Version: $version
Architecture: $architecture
Multi-Arch: same
Maintainer: mqproducer
Section: libs
Priority: optional
Depends: libc6 (>= 2.17), libgcc-s1
Installed-Size: $(du -sk "$work/data" | cut -f1)
Description: $what
 The shared and the static library, and the headers for C and C++.
CONTROL
# After the package has been installed or removed, the loader's cache is made anew.
echo "activate-noawait ldconfig" >"$work/control/triggers"
echo 2.0 >"$work/debian-binary"
for part in control data; do
    tar -C "$work/$part" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -cf - . |
        gzip -9n >"$work/$part.tar.gz"
done
package=${name}_${version}_$architecture.deb
rm -f "$out/$package"
(cd "$work" && ar rcD "$package" debian-binary control.tar.gz data.tar.gz)
mv "$work/$package" "$out/"
