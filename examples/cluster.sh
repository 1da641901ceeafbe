# Sourced by scripts that run programs beside an embedded cluster. They make the folder $work, and call stop_cluster in
# their trap.
cluster=

# start_cluster PROGRAM [ARGUMENT...]: starts it on a free port and sets url. Its commands are taken from descriptor 3,
# and what it prints stands in $work/output.
start_cluster() {
    [ -p "$work/commands" ] || mkfifo "$work/commands"
    # Not of a run before, whose URL stood there.
    : >"$work/output"
    "$@" --port 0 <"$work/commands" >"$work/output" &
    cluster=$!
    # The cluster runs until this end of its input closes.
    exec 3>"$work/commands"
    url=
    while [ -z "$url" ]; do
        kill -0 "$cluster" || { echo "the embedded cluster did not start" >&2; exit 1; }
        url=$(head -n 1 "$work/output")
    done
}

# Ends it, and waits for all that it prints.
stop_cluster() {
    exec 3>&-
    [ -z "$cluster" ] || wait "$cluster" || :
    cluster=
}
