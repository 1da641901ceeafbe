#!/bin/sh
# Prints the version, which stands in Cargo.toml. With `check`: all other places that name it must agree; the checks are
# first held against a version that nothing has.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n '/^\[package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
[ "${1-}" = check ] || { echo "$version"; exit 0; }

# holds PLACE VERSION: PLACE is `file: pattern`, with @ for the version.
bad=0
holds() {
    file=${1%%: *}
    pattern=$(echo "${1#*: }" | sed "s/@/$(echo "$2" | sed 's/\./\\\\./g')/g")
    grep -q -e "$pattern" "$file" || { echo "$file: no line is /$pattern/"; bad=$((bad + 1)); }
}
places() {
    cat <<'PLACES'
bindings/librocketmq/Cargo.toml: ^version = "@"$
bindings/librocketmq/Cargo.toml: ^mqproducer = .* version = "@"
bindings/python/pyproject.toml: ^version = "@"$
include/mqproducer.h: ^#define MQP_VERSION_STRING "@"$
CHANGELOG.md: ^## @
PLACES
}
count=$(places | wc -l)
check() {
    bad=0
    while read -r place; do holds "$place" "$1"; done <<PLACES
$(places)
PLACES
}
check 987.6.5 >/dev/null
[ "$bad" = "$count" ] || { echo "of $count places only $bad see a wrong version"; exit 1; }
check "$version"
[ "$bad" = 0 ]
echo "version $version in Cargo.toml and $count other places"
