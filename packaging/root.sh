#!/bin/sh
# root.sh ARCHITECTURE FOLDER [PACKAGE...]: makes FOLDER a root of Debian 12 with nothing but its base, then with the
# packages. ARCHITECTURE is Debian's name: amd64, arm64; for another processor than this machine's the kernel must know
# qemu (see emulate.sh). Takes root.
set -eu
architecture=$1 folder=$2
shift 2
mirror=${MQP_DEBIAN_MIRROR:-http://deb.debian.org/debian}
in_root() { chroot "$folder" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
if [ ! -e "$folder/etc/debian_version" ]; then
    rm -rf "$folder"
    debootstrap --variant=minbase --arch="$architecture" --foreign bookworm "$folder" "$mirror"
    in_root /debootstrap/debootstrap --second-stage
    echo "deb $mirror bookworm main" >"$folder/etc/apt/sources.list"
    echo "deb $mirror bookworm-backports main" >"$folder/etc/apt/sources.list.d/backports.list"
fi
[ $# -gt 0 ] || exit 0
cp -L /etc/resolv.conf /etc/hosts "$folder/etc/"
in_root apt-get -q -y -o Acquire::Retries=3 update
in_root apt-get -q -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"
in_root apt-get clean
