#!/usr/bin/env bash
# A fleet under churn and under clients of every kind: everything must be served rightly, and nothing be left behind.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/install.sh
source "$project_root/scripts/lib/install.sh"
# shellcheck source=lib/build.sh
source "$project_root/scripts/lib/build.sh"

usage() {
    cat <<'HELP'
usage: scripts/soak.sh [--minutes N] [--json] [--kill-data-planes]

Starts two data planes below one supervisor and six simulated workers, three of which fail on purpose; adds, removes and
kills workers while clients of every kind are at work. At the end: no request in flight, descriptors back at the level of
the start, memory flat, no error of a client that does everything right. Status 1 when one of these does not hold.

  --minutes N          how long the load lasts (default 10)
  --json               print the report as one JSON document and nothing else to standard output
  --kill-data-planes   kill -9 a data plane every 30 seconds as well; errors within 5 s of that are forgiven

environment:
  SIGNALBOX_BIN_DIR   use the programs of this folder instead of building them
HELP
}

case " $* " in *" -h "* | *" --help "*) usage && exit 0 ;; esac
{
    ensure_packages "${build_packages[@]}" "${tool_packages[@]}"
    ensure_swift
    ensure_python_environment
    build_release
} >&2
ulimit -n "$(ulimit -Hn)"
SIGNALBOX_BIN_DIR=$bin_dir exec "$project_root/.venv/bin/python" -B "$project_root/Tests/EndToEndTests/soak/soak.py" "$@"
