#!/usr/bin/env bash
# Installs what is missing and runs every test of the project.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/install.sh
source "$project_root/scripts/lib/install.sh"
# shellcheck source=lib/build.sh
source "$project_root/scripts/lib/build.sh"

usage() {
    cat <<'HELP'
usage: scripts/test.sh [all|unit|simulation|e2e] [--slow] [--measure] [pytest arguments]

  all        unit tests, simulation, then end-to-end tests (default)
  unit       Swift Testing suites
  simulation both planes in 10,000 simulated worlds, and every planted bug
  e2e        pytest with real processes: two tests at a time, then those that measure, alone
  --slow     also the tests marked slow (minutes each)
  --measure  write the measured figures to docs/measurements.md

One optimised build serves all of it. Further arguments go to pytest, which then runs one test after the other:
scripts/test.sh e2e Tests/EndToEndTests/admin -k audit

environment:
  SIGNALBOX_BIN_DIR        test the programs of this folder instead of building them
  SIGNALBOX_LIMIT_FACTOR   multiply every time limit of the end-to-end tests (default 1), for slow machines
  SIGNALBOX_HTTP1_CASES    another file of HTTP/1.1 framing cases than Tests/EndToEndTests/http1/cases.json
HELP
}

part=all
slow=no
measure=no
pytest_arguments=()
tests=()
while (($# > 0)); do
    case $1 in
        all | unit | simulation | e2e) part=$1 ;;
        --slow) slow=yes ;;
        --measure) measure=yes ;;
        -h | --help) usage && exit 0 ;;
        Tests/*) tests+=("$1") ;;
        *) pytest_arguments+=("$1") ;;
    esac
    shift
done

install_missing() {
    ensure_packages "${build_packages[@]}" "${tool_packages[@]}" "${test_packages[@]}"
    ensure_swift
}

# Unit tests reach what is internal; every build of this script is made so, that none is made twice.
export SIGNALBOX_TESTABLE=1

unit_tests() {
    # Without the option it would build every dependency anew as testable, too.
    note "\$ swift test -c release --disable-testable-imports --parallel"
    swift test --package-path "$project_root" -c release --disable-testable-imports --parallel
}

# Every planted bug must be found, and nothing else. Half of the seeds for each of two cores.
simulation() {
    local plant halves=() half status=0
    for plant in lost-audit lower-sequence mixed-version mixed-tables stale-table forgotten-breaker leaked-load lost-deadline; do
        note "\$ simulation --seeds 1000 --plant $plant"
        "$bin_dir/simulation" --seeds 1000 --plant "$plant"
    done
    for half in 1 5001; do
        note "\$ simulation --first-seed $half --seeds 5000"
        "$bin_dir/simulation" --first-seed "$half" --seeds 5000 &
        halves+=($!)
    done
    for half in "${halves[@]}"; do wait "$half" || status=1; done
    return "$status"
}

run_pytest() {
    note "\$ .venv/bin/python -m pytest $*"
    SIGNALBOX_BIN_DIR=$bin_dir SIGNALBOX_RESULTS=$results "$project_root/.venv/bin/python" -m pytest "$@"
}

# What was chosen by hand, one after the other.
chosen_tests() {
    local selection=()
    [[ $slow == yes ]] || selection=(-m "not slow")
    ((${#tests[@]} > 0)) || tests=(Tests/EndToEndTests)
    run_pytest "${tests[@]}" "${selection[@]}" "${pytest_arguments[@]}"
}

# Most tests wait more than they compute.
tests_beside_others() { run_pytest Tests/EndToEndTests -m "not measured and not slow" -n 2 --dist loadgroup; }

tests_alone() {
    local wanted="measured or slow"
    [[ $slow == yes ]] || wanted="measured and not slow"
    run_pytest Tests/EndToEndTests -m "$wanted"
}

write_measurements() {
    "$project_root/.venv/bin/python" "$project_root/scripts/lib/measurements.py" \
        "$results" "$project_root/docs/measurements.md"
}

cd "$project_root"
results=$(mktemp)
trap 'rm -f "$results"' EXIT

stage "Install what is missing" install_missing
if [[ $part != unit ]]; then
    stage "Python environment" ensure_python_environment
    [[ $part != all ]] || swift_build_arguments+=(--build-tests)
    stage "Build" build_release
fi
if [[ $part == all || $part == unit ]]; then stage "Unit tests" unit_tests; fi
if [[ $part == all || $part == simulation ]]; then stage "Simulation" simulation; fi
if [[ $part == all || $part == e2e ]]; then
    if ((${#tests[@]} + ${#pytest_arguments[@]} > 0)); then
        stage "End-to-end tests" chosen_tests
    else
        stage "End-to-end tests" tests_beside_others
        stage "End-to-end tests, alone" tests_alone
    fi
    if [[ $measure == yes ]]; then stage "Write docs/measurements.md" write_measurements; fi
fi
print_stages
