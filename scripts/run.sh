#!/usr/bin/env bash
# From a fresh checkout to a running fleet: installs, builds, starts two simulated workers behind one router, shows it.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/install.sh
source "$project_root/scripts/lib/install.sh"
# shellcheck source=lib/build.sh
source "$project_root/scripts/lib/build.sh"
# shellcheck source=lib/fleet.sh
source "$project_root/scripts/lib/fleet.sh"

usage() {
    cat <<'HELP'
usage: scripts/run.sh [--once] [--port PORT] [--admin-port PORT]

  --once             end after the demonstration; exit status 0 only if all of it worked
  --port PORT        data port (default 30000, or a free one when that is busy)
  --admin-port PORT  admin port (default 30001, or a free one when that is busy)

Without --once everything runs until Ctrl-C. Nothing is left behind: processes and files are removed in every case.

environment:
  SIGNALBOX_BIN_DIR  use the programs of this folder instead of building them
HELP
}

once=no
data_port=""
admin_port=""
while (($# > 0)); do
    case $1 in
        --once) once=yes ;;
        --port | --admin-port)
            (($# > 1)) || fail "$1 needs a port number."
            [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || fail "$1 $2: a port is a number from 1 to 65535."
            (($2 < 65536)) || fail "$1 $2: a port is a number from 1 to 65535."
            if [[ $1 == --port ]]; then data_port=$2; else admin_port=$2; fi
            shift
            ;;
        -h | --help) usage && exit 0 ;;
        *) fail "Unknown argument '$1'; see scripts/run.sh --help." ;;
    esac
    shift
done

install_missing() {
    ensure_packages "${build_packages[@]}" "${tool_packages[@]}"
    ensure_swift
}

choose_ports() {
    data_port=$(choose_port --port "$data_port" 30000)
    admin_port=$(choose_port --admin-port "$admin_port" 30001)
    metrics_port=$(choose_port "" "" 29000)
    note "data port $data_port, admin port $admin_port, metrics port $metrics_port"
}

start_workers() {
    first_port=$(free_port)
    second_port=$(free_port)
    start_worker "$first_port"
    start_worker "$second_port"
    first_worker=http://127.0.0.1:$first_port
    second_worker=http://127.0.0.1:$second_port
}

start_router() {
    router=http://127.0.0.1:$data_port
    start_in_background router "$bin_dir/signalbox" launch \
        --port "$data_port" --admin-port "$admin_port" --prometheus-port "$metrics_port" --data-planes 2 --worker-urls "$first_worker" \
        --runtime-dir "$folder/run" --database "$database"
    wait_for "the router to be ready" succeeds curl --silent --fail --output /dev/null "$router/readiness"
}

show_streamed_chat() {
    local request='{"model":"simulated","stream":true,"max_tokens":8,"messages":[{"role":"user","content":"Which way to Crewe?"}]}'
    show curl --silent --show-error --fail --no-buffer --header 'Content-Type: application/json' \
        --data "$request" "$router/v1/chat/completions"
    expect 'data: [DONE]'
}

show_add_worker() {
    show curl --silent --show-error --fail --request POST "$router/add_worker?url=$second_worker"
    expect "Successfully added worker: $second_worker"
    show curl --silent --show-error --fail "$router/list_workers"
    expect "$second_worker"
}

show_audit_row() {
    show sqlite3 -readonly -line "$database" \
        "SELECT time, actor, source_address, action, subject, epoch, sequence FROM audit WHERE subject LIKE '%$second_port%' ORDER BY id LIMIT 1"
    expect "$second_port"
}

show_acknowledged_version() {
    local sequence
    sequence=$(sqlite3 -readonly "$database" 'SELECT max(sequence) FROM audit')
    wait_for "both data planes to apply version $sequence" both_data_planes_applied "$sequence"
    show curl --silent --show-error --fail "http://127.0.0.1:$admin_port/data_planes"
    note "both data planes serve sequence $sequence"
}

both_data_planes_applied() {
    curl --silent --fail "http://127.0.0.1:$admin_port/data_planes" | python3 -c '
import json, sys
planes = json.load(sys.stdin)["data_planes"]
applied = [plane["applied"]["sequence"] for plane in planes if plane["connected"] and plane["applied"]]
sys.exit(0 if len(applied) == 2 and all(sequence >= int(sys.argv[1]) for sequence in applied) else 1)' "$1"
}

print_addresses() {
    say "Running"
    note "data port     $router   (OpenAI client: base_url=$router/v1)"
    note "admin API     http://127.0.0.1:$admin_port   (also on the data port, from this machine)"
    note "workers       $first_worker  $second_worker"
    note "audit         sqlite3 $database 'SELECT * FROM audit'"
    note "logs          $folder/*.log"
}

cd "$project_root"
stage "Install what is missing" install_missing
stage "Choose ports" choose_ports
stage "Build, release" build_release
make_folder
database=$folder/signalbox.db
stage "Start two simulated workers" start_workers
stage "Start one control plane and two data planes with the first worker" start_router
stage "A streamed chat completion through the router" show_streamed_chat
stage "Add the second worker" show_add_worker
stage "The audit row that it left" show_audit_row
stage "The version that both data planes acknowledged" show_acknowledged_version
print_addresses
if [[ $once == yes ]]; then
    say "All of it worked; stopping"
    exit 0
fi
note "Ctrl-C stops everything."
wait_for_end
