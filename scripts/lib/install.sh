# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists of packages are read by the scripts that source this file
# Brings a Debian or Ubuntu machine to the state that the build and the tests need; does nothing when all is there.

# Libraries to link, and the tools that the demonstration and the tests call.
build_packages=(libsqlite3-dev libcurl4-openssl-dev pkg-config)
tool_packages=(python3 python3-venv sqlite3 curl socat)
# Foreign readers of metrics, logs and units.
test_packages=(faketime openssl prometheus jq systemd)
# What makes a libcurl for wheels from the distribution's source.
wheel_packages=(binutils dpkg-dev gcc libssl-dev make)

swift_major_min=6
swift_minor_min=2

is_installed() { dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# Installs those of the named Debian packages that are absent.
ensure_packages() {
    command -v dpkg-query >/dev/null ||
        fail "This is not a Debian or Ubuntu system; install the counterparts of these packages by hand: $*"
    local missing=() package
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
        note "packages present: $*"
        return
    fi
    note "packages missing: ${missing[*]}"
    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            fail "Not root and no sudo here; have an administrator run: apt-get install ${missing[*]}"
        as_root=(sudo)
        [[ -t 0 ]] || as_root=(sudo -n)
    fi
    note "\$ ${as_root[*]} apt-get install --yes --no-install-recommends ${missing[*]}"
    "${as_root[@]}" apt-get update --quiet --quiet ||
        note "apt-get update failed; trying with the package lists at hand"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet --quiet --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt-get could not install ${missing[*]}; install them by hand and start again."
}

# Refuses a missing or too old Swift toolchain with a way to get one.
ensure_swift() {
    local advice="Get Swift $swift_major_min.$swift_minor_min or later from https://www.swift.org/install/linux/ and put it on PATH."
    command -v swift >/dev/null || fail "There is no 'swift' on PATH. $advice"
    local text
    text=$(swift --version 2>/dev/null | grep -o 'Swift version [0-9]*\.[0-9]*' | head -n 1)
    [[ $text =~ ([0-9]+)\.([0-9]+) ]] || fail "'swift --version' says nothing that can be read. $advice"
    local major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
    ((major > swift_major_min || (major == swift_major_min && minor >= swift_minor_min))) ||
        fail "$text is too old. $advice"
    note "$text"
}

# Makes .venv with exactly the pinned requirements; kept while the requirements do not change.
ensure_python_environment() {
    local requirements=$project_root/Tests/EndToEndTests/requirements.txt
    local stamp=$project_root/.venv/requirements.sha256
    local wanted
    wanted=$(sha256sum <"$requirements")
    if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        note ".venv is up to date"
        return
    fi
    note "\$ python3 -m venv .venv && .venv/bin/pip install -r Tests/EndToEndTests/requirements.txt"
    python3 -m venv --clear "$project_root/.venv"
    "$project_root/.venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    printf '%s\n' "$wanted" >"$stamp"
}
