#!/usr/bin/env bash
# Makes the sdist and a wheel that runs on machines without Swift, libcurl and SQLite.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/install.sh
source "$project_root/scripts/lib/install.sh"
# shellcheck source=lib/build.sh
source "$project_root/scripts/lib/build.sh"
# shellcheck source=lib/libcurl.sh
source "$project_root/scripts/lib/libcurl.sh"

usage() {
    cat <<'HELP'
usage: scripts/build_wheel.sh [FOLDER]

Builds the programs, and with `python -m build` and `auditwheel` out of them, in FOLDER (default: python/dist):

  signalbox_router-VERSION.tar.gz                                  sources; builds where a Swift toolchain is
  signalbox_router-VERSION-py3-none-manylinux_2_X_MACHINE.whl      programs, Swift's libraries, a small libcurl, SQLite

X is the C library of this machine at most: published wheels are built on an old one (python/pyproject.toml, cibuildwheel).

environment:
  SIGNALBOX_BIN_DIR       take the programs of this folder instead of building them
  SIGNALBOX_LIBCURL_DIR   bundle the libcurl.so.4 of this folder instead of building one
HELP
}

output=$project_root/python/dist
case ${1:-} in
    "") ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 64 ;;
    *) output=$1 ;;
esac
(($# <= 1)) || fail "scripts/build_wheel.sh takes one folder."

work=$project_root/.build-wheel

install_missing() {
    ensure_packages "${build_packages[@]}" "${wheel_packages[@]}" python3 python3-venv
    ensure_swift
    if [[ ! -x $work/tools/bin/auditwheel ]]; then
        note "\$ python3 -m venv .build-wheel/tools && pip install -r scripts/lib/wheel_requirements.txt"
        python3 -m venv --clear "$work/tools"
    fi
    "$work/tools/bin/pip" install --quiet --disable-pip-version-check \
        --requirement "$project_root/scripts/lib/wheel_requirements.txt"
    export PATH=$work/tools/bin:$PATH
}

small_libcurl() {
    if [[ -n ${SIGNALBOX_LIBCURL_DIR:-} ]]; then
        note "SIGNALBOX_LIBCURL_DIR is set: the library of $SIGNALBOX_LIBCURL_DIR is bundled"
    else
        export SIGNALBOX_LIBCURL_DIR=$work/libcurl
        build_libcurl "$SIGNALBOX_LIBCURL_DIR"
    fi
    # Programs that cannot run with it would make a wheel that cannot run.
    LD_LIBRARY_PATH=$SIGNALBOX_LIBCURL_DIR "$bin_dir/signalbox" --version | sed 's/^/    with it: /'
    export SIGNALBOX_NOTICES_DIR=$work/notices
    collect_notices "$SIGNALBOX_NOTICES_DIR" "$SIGNALBOX_LIBCURL_DIR"
}

archives() {
    rm -rf "$work/archives"
    note "\$ python -m build python"
    SIGNALBOX_BIN_DIR=$(readlink -f "$bin_dir") \
        python -m build --outdir "$work/archives" "$project_root/python" >"$work/build.log" 2>&1 ||
        { cat "$work/build.log" >&2; fail "python -m build failed."; }
    tail -n 1 "$work/build.log" | sed 's/^/    /'
}

repair() {
    rm -rf "$work/repaired"
    bash "$project_root/scripts/lib/repair_wheel.sh" "$work"/archives/*.whl "$work/repaired"
}

deliver() {
    twine check --strict "$work"/archives/*.tar.gz "$work"/repaired/*.whl
    mkdir -p "$output"
    rm -f "$output"/signalbox_router-*
    cp "$work"/archives/*.tar.gz "$work"/repaired/*.whl "$output/"
    (cd "$output" && stat --format '    %n %s bytes' signalbox_router-*)
}

stage "Install what is missing" install_missing
stage "Build, release" build_release
stage "A libcurl of HTTP and TLS" small_libcurl
stage "sdist and wheel" archives
stage "Bundle libraries" repair
stage "Check, and lay down" deliver
print_stages
