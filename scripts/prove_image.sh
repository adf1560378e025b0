#!/usr/bin/env bash
# Proves the image and the pod without Docker and Kubernetes: the image's last stage in a chroot, with the rights of the pod.
set -euo pipefail
# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/install.sh
source "$project_root/scripts/lib/install.sh"
# shellcheck source=lib/build.sh
source "$project_root/scripts/lib/build.sh"

usage() {
    cat <<'HELP'
usage: scripts/prove_image.sh

Makes a minimal Debian 12 in a temporary folder (about 300 MB, removed at the end) with the packages, programs and libraries that
deploy/docker/Dockerfile puts into the image. Runs it with the flags of deploy/kubernetes/base as the pod would: process 1, user
65532, no capabilities, a root file system that cannot be written to, three volumes, a network of its own. There a simulated worker
is added, a chat goes through it, and SIGTERM ends the router in order.

Needs root and Debian's packages.

environment:
  SIGNALBOX_BIN_DIR   take the programs of this folder instead of building them
HELP
}

case ${1:-} in
    "") ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 64 ;;
esac
((EUID == 0)) || fail "A chroot is made and entered by root only; run it with sudo."

dockerfile=$project_root/deploy/docker/Dockerfile
folder=$(mktemp --directory --tmpdir signalbox-image.XXXXXX)
root=$folder/root
# What is mounted is mounted in a namespace that ends with the proof; --one-file-system is for the day that this is not true.
trap 'rm -rf --one-file-system "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The command of the Dockerfile that lays down programs and libraries, on the programs at hand.
collect() {
    local command
    command=$(awk '/^RUN mkdir -p \/out/ { inside = 1 } inside { print } inside && !/\\$/ { exit }' "$dockerfile")
    [[ -n $command ]] || fail "The Dockerfile has no 'RUN mkdir -p /out...' any more."
    command=${command#RUN }
    # shellcheck disable=SC2016 # it is the text in the Dockerfile
    command=${command//'$(swift build -c release --show-bin-path)'/$bin_dir}
    bash -euo pipefail -c "${command//\/out\//$folder/out/}"
    (cd "$folder/out" && du --human-readable --summarize bin lib | sed 's/^/    /')
}

bare_debian() {
    local packages
    packages=$(grep -o 'ca-certificates libcurl4 .*[^ \\]' "$dockerfile")
    note "\$ debootstrap --variant=minbase bookworm, with $packages"
    debootstrap --variant=minbase --include="${packages// /,}" bookworm "$root" >"$folder/debootstrap.log" 2>&1 ||
        { tail -n 20 "$folder/debootstrap.log" >&2; fail "debootstrap failed."; }
    # In the image this is /usr/lib/swift/linux, as its toolchain lies in /usr.
    local place
    place=$(ldd "$bin_dir/signalbox" | awk '$3 ~ /\/swift\/linux\// { print $3; exit }')
    mkdir -p "$root${place%/*}" "$root/var/lib/signalbox" "$root/run/signalbox"
    cp "$folder"/out/lib/* "$root${place%/*}/"
    cp "$folder"/out/bin/* "$root/usr/bin/"
}

# Flags one by one, each with a zero byte behind it.
pod_flags() {
    PYTHONPATH=$project_root/Tests/EndToEndTests SIGNALBOX_BIN_DIR=$bin_dir "$project_root/.venv/bin/python" -B -c '
from support.manifests import load
print("launch", *load("kustomize:base").arguments, sep="\0", end="\0")' >"$folder/flags"
}

proof() {
    cp "$bin_dir/simulated-worker" "$folder/"
    unshare --mount --pid --net --ipc --fork --kill-child \
        bash "$project_root/scripts/lib/prove_image.sh" "$folder"
}

cd "$project_root"
stage "Install what is missing" ensure_packages "${build_packages[@]}" binutils curl debian-archive-keyring debootstrap \
    iproute2 procps python3 python3-venv
stage "Python environment" ensure_python_environment
stage "Build, release" build_release
stage "Programs and libraries" collect
stage "A bare Debian" bare_debian
stage "Flags of the pod" pod_flags
stage "The router at work" proof
print_stages
