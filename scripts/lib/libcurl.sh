# shellcheck shell=bash
# Makes a libcurl that speaks HTTP and HTTPS and nothing else, from the distribution's source with its security fixes: the
# distribution's own build brings twenty more libraries into a wheel, Kerberos and LDAP among them.

# On which of the system's libraries it may stand.
libcurl_needs='^(libssl|libcrypto|libc)\.so\.[0-9]+$'

# Prints sources of the system's own archives, for an apt-get that is asked for source packages.
apt_source_entries() {
    local keyring options=""
    for keyring in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/ubuntu-archive-keyring.gpg; do
        [[ ! -f $keyring ]] || options="[signed-by=$keyring] "
    done
    # shellcheck disable=SC2016 # apt-get reads these fields
    apt-get indextargets --format '$(ORIGIN)|$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        sort --unique | sed -n "s#^\\(Debian\\|Ubuntu\\)|#deb-src $options#p"
}

# Unpacks the source of curl into the folder $1/source, as the distribution patched it.
fetch_curl_source() {
    local work=$1
    if command -v apt-get >/dev/null; then
        mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/download"
        apt_source_entries >"$work/apt/sources.list"
        [[ -s $work/apt/sources.list ]] || fail "apt knows no archive of Debian or Ubuntu to get curl's source from."
        local apt=(
            apt-get --quiet --quiet
            -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
            -o "Dir::State::lists=$work/apt/lists" -o "Dir::Cache=$work/apt" -o APT::Sandbox::User=root
        )
        "${apt[@]}" update
        (cd "$work/download" && "${apt[@]}" source --download-only curl)
        # apt has verified it by the archive's signature.
        dpkg-source --no-check --extract "$work"/download/*.dsc "$work/source" >/dev/null
    else
        dnf --quiet download --source --destdir "$work/download" curl
        rpmbuild -rp --nodeps --define "_topdir $work/rpm" "$work"/download/curl-*.src.rpm >/dev/null
        # One folder, named after the version.
        mv "$work"/rpm/BUILD/curl-* "$work/source"
    fi
}

# build_libcurl FOLDER: leaves libcurl.so.4 and its licence there.
build_libcurl() {
    local folder=$1 work=$1.work off
    rm -rf "$work"
    mkdir -p "$work/build" "$folder"
    fetch_curl_source "$work"
    local options=(
        --with-openssl --enable-versioned-symbols --disable-static --disable-dependency-tracking
        # The machine that runs it knows its authorities: OpenSSL looks for them, and SSL_CERT_FILE names them.
        --without-ca-bundle --without-ca-path --with-ca-fallback
    )
    for off in dict file ftp gopher imap ldap ldaps manual mqtt ntlm pop3 rtsp smb smtp telnet tftp; do
        options+=("--disable-$off")
    done
    for off in brotli libgsasl libidn2 libpsl librtmp libssh2 nghttp2 zlib zstd; do
        options+=("--without-$off")
    done
    note "\$ configure ${options[*]:0:2} ... && make"
    (
        cd "$work/build"
        ../source/configure --quiet "${options[@]}" >"$work/configure.log" 2>&1 ||
            { tail -n 20 "$work/configure.log" >&2; fail "curl's configure failed."; }
        # Debian's patches count the symbols' version down for its GnuTLS flavour; programs are linked with the upstream one.
        sed -i 's/^CURL_OPENSSL_3$/CURL_OPENSSL_4/' lib/libcurl.vers
        # Patches are younger than what the autotools made of the files: that is no reason to run these.
        make --silent --jobs "$(nproc)" --directory lib ACLOCAL=: AUTOCONF=: AUTOHEADER=: AUTOMAKE=: >"$work/make.log" 2>&1 ||
            { tail -n 20 "$work/make.log" >&2; fail "libcurl could not be built."; }
    )
    strip --strip-unneeded -o "$folder/libcurl.so.4" "$work/build/lib/.libs/libcurl.so.4"
    cp "$work/source/COPYING" "$folder/curl-COPYING.txt"
    rm -rf "$work"
    local needed
    needed=$(readelf --dynamic "$folder/libcurl.so.4" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    ! grep -vE "$libcurl_needs" <<<"$needed" || fail "The libcurl that was built needs more than OpenSSL, see above."
    note "$(stat --format '%s bytes' "$folder/libcurl.so.4"), needs" "$(xargs <<<"$needed")"
}

# collect_notices FOLDER: the licences of what goes into a wheel beside what Swift packages bring.
collect_notices() {
    local folder=$1 libcurl=$2 toolchain file
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$libcurl/curl-COPYING.txt" "$folder/"
    toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
    file=$toolchain/share/swift/LICENSE.txt
    [[ ! -f $file ]] || cp "$file" "$folder/swift-LICENSE.txt"
    for file in /usr/share/doc/libssl3*/copyright /usr/share/doc/libsqlite3-0/copyright; do
        [[ ! -f $file ]] || cp "$file" "$folder/$(basename "$(dirname "$file")")-copyright.txt"
    done
    # Where packages are RPMs. SQLite, being in the public domain, has none there.
    [[ ! -f /usr/share/licenses/openssl-libs/LICENSE.txt ]] ||
        cp /usr/share/licenses/openssl-libs/LICENSE.txt "$folder/openssl-LICENSE.txt"
}
