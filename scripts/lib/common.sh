# shellcheck shell=bash
# What every script of the project shares: where the project is, how it speaks, how it fails.

project_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export project_root

# One line that says what happens next.
say() { printf '\n==> %s\n' "$*"; }

# A line of detail below the last step.
note() { printf '    %s\n' "$*"; }

# One clear sentence on standard error, and the end.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Runs a named stage and notes how long it took; print_stages repeats the names and times. The first command of it
# that fails ends the script, as `set -e` is not switched off here by an `if` or `||`.
stage_report=()
stage_now=""
stage() {
    local started=$SECONDS
    stage_now=$1
    shift
    say "$stage_now"
    "$@"
    stage_report+=("$(printf '%-34s %5d s' "$stage_now" $((SECONDS - started)))")
    stage_now=""
}

set -o errtrace
trap '[[ -z $stage_now ]] || printf "error: the stage \"%s\" failed\n" "$stage_now" >&2' ERR

print_stages() {
    say "Durations"
    local line
    for line in "${stage_report[@]}"; do note "$line"; done
}
