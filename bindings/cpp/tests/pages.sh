#!/bin/sh
# Compiles and runs every piece of C++ in the pages; the last line counts them.
# pages.sh LIBRARY BUILD_FOLDER. `<!-- cpp: HARNESS -->` above a piece names the program in pages/ that includes it, `whole`
# is a program of its own, and without a mark it is `statements`.
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
root=$(cd -- "$here/../../.." && pwd)
library=$1
build=$2
rm -rf -- "$build"
mkdir -p -- "$build"

# Writes FOLDER/NUMBER/{block.inc,harness,place} for each piece.
for page in README.md bindings/cpp/README.md $(cd -- "$root" && ls docs/*.md docs/guides/*.md); do
    awk -v folder="$build" -v page="$page" '
        inside && /^```/ { inside = 0; close(file) }
        inside { print > file }
        !inside && /^```cpp$/ {
            inside = 1
            number++
            harness = "statements"
            if (mark ~ /^<!-- cpp: [a-z_]+ -->$/) { split(mark, words, " "); harness = words[3] }
            name = page
            gsub(/[^A-Za-z]/, "_", name)
            piece = folder "/" name number
            system("mkdir -p \"" piece "\"")
            file = piece "/block.inc"
            printf "" > file
            print harness > (piece "/harness")
            print page ":" FNR > (piece "/place")
        }
        { mark = $0 }' "$root/$page"
done

passed=0
failed=0
for piece in "$build"/*/; do
    harness=$(cat -- "$piece/harness")
    program=$here/pages/$harness.cpp
    [ "$harness" != whole ] || { program=$piece/whole.cpp; cp -- "$piece/block.inc" "$program"; }
    exceptions=
    [ "$harness" != without_exceptions ] || exceptions=-fno-exceptions
    # shellcheck disable=SC2086
    if "${CXX:-c++}" -std=c++20 $exceptions -Wall -Wextra -Wconversion -Werror "-I$piece" "-I$here/pages" \
        "-I$root/bindings/cpp/include" "-I$root/include" "$program" "$library" "-Wl,-rpath,$(dirname -- "$library")" \
        -pthread -o "$piece/program" >"$piece/output" 2>&1 && timeout 120 "$piece/program" >>"$piece/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $(cat -- "$piece/place")"
    else
        failed=$((failed + 1))
        echo "FAIL $(cat -- "$piece/place") in $harness"
        tail -n 20 -- "$piece/output"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 10 ]
