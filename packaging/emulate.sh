#!/bin/sh
# emulate.sh on|off PROCESSOR: lets this machine's kernel run programs of PROCESSOR (aarch64) by qemu-user-static, in
# each root, or takes that back. Where the machine does so already, nothing changes. Takes root.
set -eu
processor=$2
folder=/proc/sys/fs/binfmt_misc
entry=$folder/mqproducer-$processor
[ -e $folder/register ] || mount -t binfmt_misc none $folder
case $1 in
on)
    [ ! -e "$folder/qemu-$processor" ] && [ ! -e "$entry" ] || exit 0
    # The first bytes of an ELF file for it, a mask over them; F: qemu is opened now, outside each root.
    case $processor in
    aarch64) magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00' ;;
    *) echo "emulate.sh: no processor '$processor'" >&2; exit 2 ;;
    esac
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s\n' ":mqproducer-$processor:M::$magic:$mask:$(command -v "qemu-$processor-static"):F" >$folder/register
    ;;
off) [ ! -e "$entry" ] || echo -1 >"$entry" ;;
esac
