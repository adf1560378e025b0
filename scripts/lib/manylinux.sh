#!/usr/bin/env bash
# Brings a manylinux_2_34 container (AlmaLinux 9) to the state that a wheel is built in; cibuildwheel calls it as `before-all`.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=libcurl.sh
source "$project_root/scripts/lib/libcurl.sh"

swift_version=6.3.1
case $(uname -m) in
    x86_64) platform=ubi9 ;;
    aarch64) platform=ubi9-aarch64 ;;
    *) fail "There is no Swift toolchain for $(uname -m) with this C library." ;;
esac

system_packages() {
    # curl-minimal, which the image has, is in the way of the headers.
    dnf --quiet --assumeyes --allowerasing install \
        binutils dnf-plugins-core gcc gcc-c++ git gnupg2 libcurl-devel libedit libuuid-devel libxml2-devel make ncurses-devel \
        openssl-devel pkgconf-pkg-config rpm-build sqlite-devel tar tzdata unzip zlib-devel
}

swift_toolchain() {
    local name=swift-$swift_version-RELEASE-$platform.tar.gz work
    local address=https://download.swift.org/swift-$swift_version-release/$platform/swift-$swift_version-RELEASE/$name
    work=$(mktemp --directory)
    curl --fail --silent --show-error --location --output "$work/$name" "$address"
    curl --fail --silent --show-error --location --output "$work/$name.sig" "$address.sig"
    curl --fail --silent --show-error --location https://www.swift.org/keys/all-keys.asc |
        gpg --quiet --homedir "$work" --import
    gpg --quiet --homedir "$work" --batch --verify "$work/$name.sig" "$work/$name" ||
        fail "The Swift toolchain has no valid signature."
    mkdir -p /opt/swift
    tar --extract --gzip --file "$work/$name" --directory /opt/swift --strip-components 1
    rm -rf "$work"
    /opt/swift/usr/bin/swift --version
}

libcurl_and_licences() {
    build_libcurl "${SIGNALBOX_LIBCURL_DIR:?where to put libcurl}"
    PATH=/opt/swift/usr/bin:$PATH collect_notices "${SIGNALBOX_NOTICES_DIR:?where to put licences}" "$SIGNALBOX_LIBCURL_DIR"
}

stage "Packages" system_packages
stage "Swift $swift_version" swift_toolchain
stage "A libcurl of HTTP and TLS" libcurl_and_licences
print_stages
