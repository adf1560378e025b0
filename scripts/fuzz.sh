#!/usr/bin/env bash
# Fuzzes what reads bytes from outside: builds each target with libFuzzer and the address sanitizer, and runs it.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/fuzz_targets.sh
source "$project_root/scripts/lib/fuzz_targets.sh"

usage() {
    cat <<HELP
usage: scripts/fuzz.sh [--seconds N] [TARGET...]   run each target for N seconds (default 60)
       scripts/fuzz.sh --replay [TARGET...]        run the corpus and the kept findings once
       scripts/fuzz.sh --prove [TARGET...]         plant a bug in a copy of the sources; it must be found
       scripts/fuzz.sh --merge [TARGET...]         rewrite Fuzz/corpus with the fewest inputs that cover the same

targets: ${target_names[*]} (default: all)

Needs a Swift toolchain for Linux and nothing else. New inputs are kept in .build-fuzz/found, findings in
.build-fuzz/findings. The exit status is 0 without a finding (--prove: with one for each target), else 1.
HELP
}

seconds=60
prove_seconds=600
action=run
targets=()
while (($# > 0)); do
    case $1 in
        --seconds)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--seconds needs a number of seconds, not '${2:-}'."
            seconds=$2
            shift
            ;;
        --replay | --prove | --merge) action=${1#--} ;;
        -h | --help) usage && exit 0 ;;
        -*) fail "There is no option '$1'; see --help." ;;
        *)
            [[ -n ${target_program[$1]:-} ]] || fail "There is no fuzz target '$1'; choose one of ${target_names[*]}."
            targets+=("$1")
            ;;
    esac
    shift
done
((${#targets[@]} > 0)) || targets=("${target_names[@]}")

fuzz=$project_root/Fuzz
work=$project_root/.build-fuzz
# shellcheck disable=SC2054 # one argument with a comma
swift_flags=(
    -O -whole-module-optimization -parse-as-library -swift-version 6 -use-ld=lld -suppress-warnings -package-name signalbox
    -sanitize=fuzzer,address
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature MemberImportVisibility
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature NonisolatedNonsendingByDefault
)

# The stand-in for the Crypto package, as a module of its own.
build_crypto() {
    [[ -f $work/Crypto.o && -z $(find "$fuzz/Crypto" -newer "$work/Crypto.o" -print -quit) ]] && return
    swiftc "${swift_flags[@]}" -module-name Crypto -emit-module -emit-module-path "$work/Crypto.swiftmodule" \
        -emit-object -o "$work/Crypto.o" "$fuzz"/Crypto/*.swift
}

# build TARGET SOURCES PROGRAM: compiles the sources under test and the target as one module, all of it instrumented.
# (The module has the name of the one that its files import, so that this import means the module itself.)
build() {
    local target=$1 sources=$2 program=$3 folders=() folder files=()
    for folder in ${target_sources[$target]}; do folders+=("$sources/$folder"); done
    folders+=("$fuzz/Support" "$fuzz/Oracles")
    [[ $target != engine ]] || folders+=("$fuzz/Engine")
    mapfile -t files < <(find "${folders[@]}" -name '*.swift' | sort)
    [[ -f $sources/Protocol/SoftwareVersion.swift ]] || fail "There are no sources in $sources."
    files+=("$fuzz/Targets/${target_program[$target]}.swift")
    if [[ -x $program && -z $(find "${files[@]}" -newer "$program" -print -quit) ]]; then return; fi
    note "building $target"
    swiftc "${swift_flags[@]}" -module-name SignalboxProtocol -I "$work" "${files[@]}" "$work/Crypto.o" -o "$program"
}

# run TARGET PROGRAM OPTION...: one process of libFuzzer. A finding is bytes in a file below $work/findings.
run() {
    local target=$1 program=$2
    shift 2
    local dictionary=()
    [[ ! -f $fuzz/dictionaries/$target.dict ]] || dictionary=("-dict=$fuzz/dictionaries/$target.dict")
    SWIFT_BACKTRACE=enable=no "$program" "${dictionary[@]}" -max_len="${target_bytes_max[$target]}" -timeout=10 \
        -rss_limit_mb=2048 "$@"
}

# The folders with inputs of a target that exist.
inputs_of() {
    local folder
    for folder in "$fuzz/corpus/$1" "$fuzz/regressions/$1"; do [[ ! -d $folder ]] || printf '%s\n' "$folder"; done
}

fuzz_target() {
    local target=$1 inputs input log=$work/logs/$1.log status=0
    mapfile -t inputs < <(inputs_of "$target")
    mkdir -p "$work/found/$target"
    run "$target" "$work/$target" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$work/findings/$target-" "$work/found/$target" "${inputs[@]}" >"$log" 2>&1 || status=$?
    report "$target" "$log"
    ((status == 0)) && return
    grep --text --max-count=1 --before-context=1 --after-context=12 -E 'FINDING|Fatal error|ERROR: ' "$log" || tail -n 20 "$log"
    input=$(grep -ao "$work/findings/[^ ]*" "$log" | tail -n 1 || true)
    [[ -z $input ]] || note "keep the input as a regression: cp $input Fuzz/regressions/$target/NAME.input"
    failed+=("$target")
}

# One line: executions, coverage, inputs.
report() {
    local executions coverage
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$2")
    coverage=$(grep -aoE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$2" | tail -n 1 || true)
    note "$1: ${executions:-no count} executions, ${coverage:-no coverage}"
}

replay_target() {
    local target=$1 inputs
    mapfile -t inputs < <(inputs_of "$target")
    ((${#inputs[@]} > 0)) || fail "There is no corpus of $target in Fuzz/corpus."
    if run "$target" "$work/$target" -runs=0 -artifact_prefix="$work/findings/$target-" "${inputs[@]}" \
        >"$work/logs/$target.log" 2>&1; then
        note "$target: $(find "${inputs[@]}" -type f | wc -l) inputs, no finding"
    else
        grep -aE 'FINDING|Fatal error|ERROR: |Test unit written' "$work/logs/$target.log" || true
        failed+=("$target")
    fi
}

# Plants the bug of Fuzz/planted/TARGET.sed in a copy of the sources and fuzzes it from nothing: a target that cannot
# find it within the time does not see what it should.
prove_target() {
    local target=$1 plant=$fuzz/planted/$1.sed copy=$work/planted/$1 file log=$work/logs/$1-planted.log
    file=$(sed -n 's/^# file: //p' "$plant")
    rm -rf "$copy"
    mkdir -p "$copy/empty"
    cp -R "$project_root/Sources" "$copy/Sources"
    sed --in-place --regexp-extended --file="$plant" "$copy/Sources/$file"
    if cmp --silent "$project_root/Sources/$file" "$copy/Sources/$file"; then
        fail "Fuzz/planted/$target.sed changes nothing in Sources/$file; the source has changed, so plant another bug."
    fi
    build "$target" "$copy/Sources" "$copy/$target"
    local started=$SECONDS
    if run "$target" "$copy/$target" -max_total_time="$prove_seconds" -artifact_prefix="$copy/" "$copy/empty" \
        >"$log" 2>&1; then
        note "$target: the planted bug was NOT found in $prove_seconds s"
        failed+=("$target")
    elif grep -aqE 'FINDING|Fatal error' "$log"; then
        note "$target: found after $((SECONDS - started)) s: $(grep -aoE '(FINDING|Fatal error).{0,90}' "$log" | head -n 1)"
    else
        tail -n 20 "$log"
        note "$target: ended without a finding of its own"
        failed+=("$target")
    fi
}

merge_target() {
    local target=$1 merged=$work/merged/$1 inputs
    mapfile -t inputs < <(inputs_of "$target")
    rm -rf "$merged"
    mkdir -p "$merged" "$work/found/$target"
    run "$target" "$work/$target" -set_cover_merge=1 -use_counters=0 "$merged" "${inputs[@]}" "$work/found/$target" \
        >"$work/logs/$target-merge.log" 2>&1 || fail "Merging failed; see $work/logs/$target-merge.log."
    rm -rf "${fuzz:?}/corpus/$target"
    mkdir -p "$fuzz/corpus/$target"
    local input
    for input in "$merged"/*; do mv "$input" "$fuzz/corpus/$target/$(basename "${input%.input}").input"; done
    note "$target: $(find "$fuzz/corpus/$target" -type f | wc -l) inputs, $(du -sb "$fuzz/corpus/$target" | cut -f1) bytes"
}

mkdir -p "$work"/{logs,findings,found}
build_crypto
failed=()
for target in "${targets[@]}"; do
    case $action in
        prove) prove_target "$target" ;;
        *)
            build "$target" "$project_root/Sources" "$work/$target"
            case $action in
                run) fuzz_target "$target" ;;
                replay) replay_target "$target" ;;
                merge) merge_target "$target" ;;
            esac
            ;;
    esac
done
((${#failed[@]} == 0)) || fail "Findings or failures: ${failed[*]}; the logs are in .build-fuzz/logs."
