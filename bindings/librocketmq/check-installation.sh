#!/bin/sh
# check-installation.sh [FILE | --python INTERPRETER]: whether the librocketmq that would be loaded is this drop-in, and
# whole. Without arguments: the one that the system's loader finds.
set -u
symbols=$(dirname "$0")/symbols.txt
bad=0
say() { printf '%-7s %s\n' "$1" "$2"; }
fail() { say "WRONG" "$1"; bad=1; }

case ${1-} in
-h | --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;;
--python)
    python=${2-python3}
    # As the bindings look: beside their own files first.
    file=$("$python" -c '
import importlib.util, os
from ctypes.util import find_library
spec = importlib.util.find_spec("rocketmq")
if spec is None:
    raise SystemExit("the package rocketmq is not installed")
beside = os.path.join(spec.submodule_search_locations[0], "librocketmq.so")
print(beside if os.path.exists(beside) else find_library("rocketmq") or "")') || exit 1
    if [ -z "$file" ]; then
        fail "the binding finds no library: put librocketmq.so beside its files"
        exit 1
    fi
    if "$python" -c 'import rocketmq.client' 2>/dev/null; then say ok "the binding is loaded"; else fail "the binding cannot be imported: $("$python" -c 'import rocketmq.client' 2>&1 | tail -n 1)"; fi
    ;;
"") file=librocketmq.so ;;
*) file=$1 ;;
esac
case $file in
*/*) ;;
*)
    name=$file file=
    IFS=:
    for folder in ${LD_LIBRARY_PATH-}; do
        if [ -z "$file" ] && [ -e "$folder/$name" ]; then file=$folder/$name; fi
    done
    unset IFS
    [ -n "$file" ] || file=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | sed -n "s/.*[[:space:]]$name .*=> //p" | head -n 1)
    if [ -z "$file" ]; then
        fail "the loader finds no $name: set LD_LIBRARY_PATH, or copy it to /usr/local/lib and run ldconfig"
        exit 1
    fi
    ;;
esac
if [ ! -r "$file" ]; then
    fail "$file cannot be read"
    exit 1
fi
say file "$file"
if grep -q 'librocketmq of mqproducer' "$file"; then
    say ok "it is the drop-in of mqproducer"
else
    fail "it is another library: the old client is still in place"
fi
# Small images have no binutils; then the names alone are looked for.
exported=
if command -v nm >/dev/null 2>&1; then exported=$(nm -D --defined-only "$file" | awk '{print $3}' | sed 's/@.*//'); fi
missing=
while read -r symbol; do
    if [ -n "$exported" ]; then
        echo "$exported" | grep -qx "$symbol" || missing="$missing $symbol"
    else
        grep -q "$symbol" "$file" || missing="$missing $symbol"
    fi
done <"$symbols"
if [ -z "$missing" ]; then say ok "all $(wc -l <"$symbols") functions are there"; else fail "these functions are missing:$missing"; fi
if command -v ldd >/dev/null 2>&1; then
    lacks=$(ldd "$file" 2>&1 | grep 'not found')
    if [ -z "$lacks" ]; then say ok "all that it needs is there"; else fail "it lacks $lacks"; fi
fi
exit $bad
