#!/usr/bin/env bash
# Proves that a wheel runs on a bare Debian: a chroot that has Python and nothing else that the router could lean on.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/install.sh
source "$project_root/scripts/lib/install.sh"

usage() {
    cat <<'HELP'
usage: scripts/prove_wheel.sh [--suite NAME] [WHEEL]

Makes a minimal Debian with python3 in a temporary folder (about 300 MB, removed at the end), takes SQLite's library from it,
too, and there, in a network of its own: installs WHEEL (default: the one in python/dist) into a fresh virtual environment, starts
two simulated workers and launch_router, chats through the openai client, adds a worker, and ends all of it with Ctrl-C; then
launch_server, whose launcher is killed, and a Router object.

  --suite NAME   release of Debian (default: bookworm); its C library must not be older than the wheel's tag says

Needs root, Debian's packages and PyPI. Run scripts/build_wheel.sh first.
HELP
}

suite=bookworm
wheel=""
while (($# > 0)); do
    case $1 in
        --suite) suite=${2:?a release of Debian} && shift ;;
        -h | --help) usage && exit 0 ;;
        -*) usage >&2 && exit 64 ;;
        *) wheel=$1 ;;
    esac
    shift
done
((EUID == 0)) || fail "A chroot is made and entered by root only; run it with sudo."
if [[ -z $wheel ]]; then
    shopt -s nullglob
    wheels=("$project_root"/python/dist/signalbox_router-*.whl)
    ((${#wheels[@]} == 1)) || fail "There is no wheel in python/dist; run scripts/build_wheel.sh, or name one."
    wheel=${wheels[0]}
fi
[[ -f $wheel ]] || fail "There is no file '$wheel'."

folder=$(mktemp --directory --tmpdir signalbox-chroot.XXXXXX)
root=$folder/root
# What is mounted is mounted in a namespace that ends with the proof; --one-file-system is for the day that this is not true.
trap 'rm -rf --one-file-system "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

bare_debian() {
    note "\$ debootstrap --variant=minbase --include=python3,python3-venv $suite"
    debootstrap --variant=minbase --include=python3,python3-venv "$suite" "$root" >"$folder/debootstrap.log" 2>&1 ||
        { tail -n 20 "$folder/debootstrap.log" >&2; fail "debootstrap failed."; }
    # Debian's python3 brings it; the wheel must not lean on it.
    find "$root/usr/lib" "$root/lib" -name 'libsqlite3.so*' -delete
    chroot "$root" ldconfig
    local found
    found=$(find "$root" -xdev \( -name 'libswift*.so*' -o -name 'libcurl*.so*' -o -name 'libsqlite3.so*' -o -name swift \))
    [[ -z $found ]] || fail "The chroot is not bare: $found"
    note "no Swift, no libcurl, no SQLite in it;" "$(chroot "$root" python3 --version)," \
        "glibc $(chroot "$root" python3 -c 'import platform; print(platform.libc_ver()[1])')"
}

# Downloaded out here, where the network of this machine is set up.
python_packages() {
    local version
    version=$(chroot "$root" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    mkdir -p "$root/proof/wheels"
    cp "$wheel" "$root/proof/wheels/"
    cp "$project_root/scripts/lib/prove_wheel.py" "$root/proof/"
    python3 -m venv "$folder/pip"
    note "\$ pip download openai   (for Python $version)"
    "$folder/pip/bin/pip" download --quiet --disable-pip-version-check --dest "$root/proof/wheels" \
        --only-binary :all: --python-version "$version" openai
}

# Its own processes, mounts and network: port 30000 is free, nothing outlives it, and no other machine can be reached.
in_chroot() {
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare --mount --pid --net --ipc --fork --kill-child bash -c '
        mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/dev/shm"
        exec chroot "$1" env -i PATH=/usr/bin:/bin HOME=/nonexistent LANG=C.UTF-8 "${@:2}"' bash "$root" "$@"
}

fresh_environment() {
    note "\$ python3 -m venv /proof/venv && /proof/venv/bin/pip install ${wheel##*/} openai"
    in_chroot bash -c 'cd /proof && python3 -m venv venv &&
        venv/bin/pip install --quiet --disable-pip-version-check --no-index --find-links wheels wheels/signalbox_router-*.whl openai'
}

proof() { in_chroot /proof/venv/bin/python /proof/prove_wheel.py; }

stage "Install what is missing" ensure_packages debian-archive-keyring debootstrap python3 python3-venv
stage "A bare Debian $suite" bare_debian
stage "Packages from PyPI" python_packages
stage "A fresh virtual environment" fresh_environment
stage "The router at work" proof
print_stages
