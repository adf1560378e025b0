#!/usr/bin/env bash
# The part of scripts/prove_image.sh that runs in namespaces of its own: prove_image.sh FOLDER
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

folder=$1
root=$folder/root
data=http://127.0.0.1:30000
admin=http://127.0.0.1:30001
mapfile -d '' -t flags <"$folder/flags"

# The answer's body, whatever its status; nothing when there is none.
ask() { curl --silent --max-time 10 "$@" || true; }

# expect WHAT PATTERN COMMAND...: tries for ten seconds.
expect() {
    local what=$1 pattern=$2 answer="" try
    shift 2
    for try in {1..100}; do
        answer=$("$@")
        # shellcheck disable=SC2254 # it is a pattern
        case $answer in $pattern) note "$what" && return ;; esac
        sleep 0.1
    done
    cat "$folder/log" >&2
    fail "$what: expected '$pattern', got '$answer' in $try tries."
}

mount --make-rprivate /
# As the kubelet makes volumes for the group 65532.
mount --bind "$root" "$root"
mount -t tmpfs -o mode=2777,gid=65532 tmpfs "$root/var/lib/signalbox"
mount -t tmpfs -o mode=2777,gid=65532,size=64m tmpfs "$root/run/signalbox"
mount -t tmpfs -o mode=0777 tmpfs "$root/var/tmp"
mount -o remount,bind,ro "$root"
# /proc of these processes, for pgrep.
mount -t proc proc /proc
ip link set lo up

as_the_pod=(
    chroot "$root" setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all
    env -i PATH=/usr/bin:/bin
)
! "${as_the_pod[@]}" touch /tmp/written 2>/dev/null || fail "The root file system can be written to."
note "the root file system cannot be written to"

# A process 1 of its own, with the /proc that belongs to it.
# shellcheck disable=SC2016 # the inner shell expands it
unshare --pid --fork --mount bash -c 'mount -t proc proc "$1/proc" && exec "${@:2}"' bash "$root" \
    "${as_the_pod[@]}" /usr/bin/signalbox "${flags[@]}" >"$folder/log" 2>&1 &
outer=$!

expect "the startup probe is answered" "OK" ask "$data/health"
router=$(pgrep --oldest --full '^/usr/bin/signalbox launch')
[[ $(awk '/^NSpid:/ { print $NF }' "/proc/$router/status") == 1 ]] || fail "The router is not process 1."
[[ $(awk '/^CapEff:|^CapBnd:/ { print $2 }' "/proc/$router/status" | sort --unique) == 0000000000000000 ]] ||
    fail "The router has capabilities."
[[ $(awk '/^Uid:/ { print $2 }' "/proc/$router/status") == 65532 ]] || fail "The router is another user."
note "it is process 1, user 65532, without capabilities"
expect "it is not ready without a worker" '*"not ready"*' ask "$data/readiness"
expect "metrics are served" '*sgl_router_active_workers*' ask http://127.0.0.1:29000/metrics

"$folder/simulated-worker" --port 8000 --model simulated --speedup 100 >/dev/null 2>&1 &
worker=$!
expect "a worker is added" '*Success*' ask -X POST "$admin/add_worker?url=http://127.0.0.1:8000"
expect "it is ready" '*"ready"*' ask "$data/readiness"
expect "a chat is answered" '*"choices"*' ask "$data/v1/chat/completions" -H 'Content-Type: application/json' \
    -d '{"model":"simulated","max_tokens":4,"messages":[{"role":"user","content":"Which way to Crewe?"}]}'
[[ $(ask -o /dev/null -w '%{http_code}' -X POST "$data/add_worker?url=http://127.0.0.1:8001") != 200 ]] ||
    fail "The data port takes operators' requests."
note "the data port takes no operators' requests"

kill -TERM "$router"
expect "after SIGTERM it serves on and is not ready" '*draining*' ask "$data/readiness"
status=0
wait "$outer" || status=$?
((status == 0)) || { cat "$folder/log" >&2; fail "It ended with the status $status."; }
note "it ended with the status 0"
kill "$worker"
