# shellcheck shell=bash
# Starts the programs of a demonstration below one temporary folder, and removes all of it at the end.

folder=""
children=()

# A short path: a Unix socket's may have 107 bytes.
make_folder() {
    folder=$(mktemp --directory --tmpdir signalbox.XXXXXX)
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Stops every child in bounded time and removes the folder; the logs are shown when something went wrong.
clean_up() {
    local status=$? pid
    trap - EXIT
    trap '' INT TERM HUP
    if ((status != 0 && status != 130)); then
        for log in "$folder"/*.log; do
            [[ -f $log ]] || continue
            printf '\n--- last lines of %s\n' "${log##*/}" >&2
            tail -n 20 "$log" >&2
        done
    fi
    for pid in "${children[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    local deadline=$((SECONDS + 15))
    for pid in "${children[@]}"; do
        while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
    exit "$status"
}

# start_in_background NAME COMMAND...: its output goes to NAME.log.
start_in_background() {
    local name=$1
    shift
    note "\$ $(quoted "${1##*/}" "${@:2}") &"
    "$@" >"$folder/$name.log" 2>&1 &
    children+=("$!")
}

start_worker() {
    start_in_background "worker-$1" "$bin_dir/simulated-worker" --port "$1" --model simulated
    wait_for "the worker on port $1" succeeds curl --silent --fail --output /dev/null "http://127.0.0.1:$1/health"
}

succeeds() { "$@" >/dev/null 2>&1; }

# wait_for WHAT COMMAND...: until it succeeds, at most 30 s, and not longer than every child lives.
wait_for() {
    local what=$1 deadline=$((SECONDS + 30)) pid
    shift
    until "$@"; do
        for pid in "${children[@]}"; do
            kill -0 "$pid" 2>/dev/null || fail "A program ended while waiting for $what."
        done
        ((SECONDS < deadline)) || fail "Waited 30 s for $what in vain."
        sleep 0.05
    done
    note "ok: $what"
}

is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# choose_port FLAG WANTED STANDARD: the wanted one, or else the standard one, or else any; a busy wanted one is an error.
choose_port() {
    local flag=$1 wanted=$2 standard=$3
    if [[ -n $wanted ]]; then
        is_free "$wanted" || fail "Port $wanted is in use; choose another with $flag, or leave $flag out."
        echo "$wanted"
    elif is_free "$standard"; then
        echo "$standard"
    else
        note "port $standard is in use, choosing another" >&2
        free_port
    fi
}

# The words as they could be typed: quotes only where they are needed.
quoted() {
    local word line=""
    for word in "$@"; do
        if [[ $word == *\'* && $word != *[\"\$\`\\!]* ]]; then
            word="\"$word\""
        elif [[ ! $word =~ ^[A-Za-z0-9_./:=,%+-]+$ ]]; then
            word=${word@Q}
        fi
        line+="$word "
    done
    printf '%s' "${line% }"
}

# Runs a command, shows it and its output, and keeps the output for `expect`.
show() {
    note "\$ $(quoted "$@")"
    "$@" 2>&1 | tee "$folder/shown" | sed --unbuffered 's/^/    | /'
    [[ -z $(tail -c 1 "$folder/shown") ]] || echo
}

# Fails unless the output of the last `show` holds the text.
expect() {
    grep --quiet --fixed-strings -- "$1" "$folder/shown" || fail "The output does not hold '$1'."
}

# Stays until Ctrl-C, or until a child ends by itself, which is an error.
wait_for_end() {
    local status=0
    wait -n "${children[@]}" || status=$?
    fail "A program of the demonstration ended by itself with status $status."
}
