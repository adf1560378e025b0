#!/usr/bin/env bash
# Builds the three programs with a sanitizer, as optimised as a release, and runs the end-to-end tests with them.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/install.sh
source "$project_root/scripts/lib/install.sh"

usage() {
    cat <<'HELP'
usage: scripts/sanitize.sh address|thread [pytest arguments]

  address   use of freed memory, overflows, leaks (AddressSanitizer with LeakSanitizer)
  thread    data races (ThreadSanitizer)

Builds into .build-address or .build-thread. Tests that are slow or that measure speed and memory are left out. Any report
of the sanitizer, of whatever process, fails the run, as does any test. Further arguments go to pytest:
scripts/sanitize.sh thread Tests/EndToEndTests/streaming -k vanish

environment:
  SIGNALBOX_LIMIT_FACTOR   multiply every time limit of the tests (default 4: the programs are that much slower)
HELP
}

case ${1:-} in
    address | thread) sanitizer=$1 ;;
    -h | --help) usage && exit 0 ;;
    "") fail "Name the sanitizer: address or thread; see --help." ;;
    *) fail "There is no sanitizer '$1'; choose address or thread." ;;
esac
shift
tests=()
pytest_arguments=()
for argument in "$@"; do
    case $argument in
        Tests/*) tests+=("$argument") ;;
        *) pytest_arguments+=("$argument") ;;
    esac
done
((${#tests[@]} > 0)) || tests=(Tests/EndToEndTests)
scratch=$project_root/.build-$sanitizer
reports=$scratch/reports

install_missing() {
    ensure_packages "${build_packages[@]}" "${tool_packages[@]}"
    ensure_swift
}

build() {
    local program linked=()
    # The sanitizers intercept calls into shared libraries.
    export SIGNALBOX_SHARED_RUNTIME=1
    if [[ $sanitizer == thread ]]; then
        mkdir -p "$scratch"
        clang -O2 -fPIC -c "$project_root/scripts/lib/thread_sanitizer_mutex.c" -o "$scratch/mutex.o"
        linked=(-Xlinker "$scratch/mutex.o")
    fi
    for program in signalbox signalbox-proxy simulated-worker; do
        note "\$ swift build -c release --sanitize=$sanitizer --product $program"
        swift build --package-path "$project_root" -c release --sanitize="$sanitizer" --scratch-path "$scratch" \
            "${linked[@]}" --product "$program"
    done
}

# Every process that the tests start inherits these options and writes its reports to files of its own.
end_to_end_tests() {
    rm -rf "$reports"
    mkdir -p "$reports"
    export SIGNALBOX_BIN_DIR=$scratch/release
    export SIGNALBOX_LIMIT_FACTOR=${SIGNALBOX_LIMIT_FACTOR:-4}
    local known=$project_root/scripts/lib
    export TSAN_OPTIONS="log_path=$reports/report exitcode=66 suppressions=$known/thread_sanitizer.suppressions"
    export ASAN_OPTIONS="log_path=$reports/report exitcode=66"
    export LSAN_OPTIONS="print_suppressions=0 suppressions=$known/leak_sanitizer.suppressions"
    local status=0
    "$project_root/.venv/bin/python" -m pytest "${tests[@]}" -m "not slow and not measured" \
        --ignore=Tests/EndToEndTests/limits/test_memory.py "${pytest_arguments[@]}" || status=$?
    local report found=0
    for report in "$reports"/report.*; do
        [[ -s $report ]] || continue
        found=$((found + 1))
        ((found > 5)) || head -n 60 "$report" >&2
    done
    ((found == 0)) || fail "The $sanitizer sanitizer wrote $found reports; they are in $reports."
    ((status == 0)) || fail "The tests failed with the $sanitizer sanitizer (status $status of pytest)."
    note "no report of the $sanitizer sanitizer"
}

cd "$project_root"
stage "Install what is missing" install_missing
stage "Python environment" ensure_python_environment
stage "Build with the $sanitizer sanitizer" build
stage "End-to-end tests" end_to_end_tests
print_stages
