#!/usr/bin/env bash
# repair_wheel.sh WHEEL FOLDER: bundles the libraries that a wheel needs, tags it by what is left, and refuses what must not be
# published. `auditwheel` is on PATH, SIGNALBOX_LIBCURL_DIR has the libcurl to bundle.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

wheel=${1:?a wheel}
folder=${2:?a folder for the repaired wheel}
bytes_max=60000000

LD_LIBRARY_PATH=${SIGNALBOX_LIBCURL_DIR:?the folder of libcurl.so.4} auditwheel repair --wheel-dir "$folder" "$wheel" 2>&1 |
    sed 's/^/    /'

shopt -s nullglob
repaired=("$folder"/signalbox_router-*-py3-none-manylinux_2_*.whl)
((${#repaired[@]} == 1)) || fail "There should be one wheel with a manylinux tag in $folder, and there are ${#repaired[@]}."
size=$(stat --format %s "${repaired[0]}")
((size <= bytes_max)) || fail "The wheel has $size bytes, at most $bytes_max are allowed."
# What a machine without Swift lacks must be inside, and nothing may point to folders of the machine that built it.
python3 "$project_root/scripts/lib/wheel_contents.py" "${repaired[0]}"
auditwheel show "${repaired[0]}" | sed 's/^/    /'
note "${repaired[0]##*/}: $size bytes"
