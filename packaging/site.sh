#!/bin/sh
# site.sh OUT: makes the documentation as static pages that can be searched, in OUT: guides, configuration, statistics,
# reliability and all other pages, and the reference of each language that `make reference` has made. A link that leads
# nowhere fails.
set -eu
cd "$(dirname "$0")/.."
out=$1
target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/packages/site
if [ ! -x "$tools/bin/mkdocs" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q 'mkdocs==1.6.1' 'mkdocs-material>=9.5,<10'
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pages=$work/pages
# The pages and what they link to, in the folders that they have here.
git ls-files -- '*.md' LICENSE include docs examples bindings tests/acceptance benches/results benches/drivers packaging/results |
    grep -v '^README\.md$' | while read -r file; do install -D -m 644 "$file" "$pages/$file"; done
cp README.md "$pages/index.md"
cp packaging/site.css "$pages/"
{
    echo "# The reference of each language"
    echo
    for entry in "c/html/index.html C and C++" "rust/mqproducer/index.html Rust" "python/mqproducer.html Python" "go/mqproducer.txt Go"; do
        file=${entry%% *}
        [ -e "$target/reference/$file" ] || { echo "site.sh: no $file: make reference comes first" >&2; exit 1; }
        echo "* [${entry#* }](reference/$file)"
    done
} >"$pages/reference.md"
cp -R "$target/reference" "$pages/reference"
sed "s|^site_name:|docs_dir: $pages\nsite_dir: $work/site\n&|" packaging/mkdocs.yml >"$work/mkdocs.yml"
NO_MKDOCS_2_WARNING=1 "$tools/bin/mkdocs" build --quiet --strict -f "$work/mkdocs.yml"
[ -s "$work/site/search/search_index.json" ]
rm -rf "$out"
mv "$work/site" "$out"
echo "$(find "$out" -name '*.html' | wc -l) pages in $out"
