# shellcheck shell=bash
# Builds the three programs; a folder with ready ones can be named instead.

# Further arguments of `swift build`.
swift_build_arguments=()

# Builds in release mode, or uses SIGNALBOX_BIN_DIR. Leaves the folder of the programs in `bin_dir`.
build_release() {
    bin_dir=${SIGNALBOX_BIN_DIR:-}
    if [[ -n $bin_dir ]]; then
        note "SIGNALBOX_BIN_DIR is set: the programs of $bin_dir are used, nothing is built"
    else
        note "\$ swift build -c release ${swift_build_arguments[*]}"
        swift build --package-path "$project_root" -c release "${swift_build_arguments[@]}"
        bin_dir=$(swift build --package-path "$project_root" -c release --show-bin-path)
    fi
    local program
    for program in signalbox signalbox-proxy simulated-worker; do
        [[ -x $bin_dir/$program ]] || fail "There is no program '$program' in $bin_dir."
    done
}
