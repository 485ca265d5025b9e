# shellcheck shell=bash
# Unpacks Debian packages into a folder, without root, chroot or a change to the system; sourced by setup.sh and venv.sh.
# Installs nothing: no maintainer script runs, so no service starts and no user appears.
#
# apt works on a private state: own lists, own cache, and an empty list of installed packages, so that it names the
# whole closure down to libc. What is unpacked is therefore independent of what the machine has, and is started by the
# loader and libraries of its own release (see write_wrapper in setup.sh).

# Needed only by maintainer scripts, or by parts that nothing here loads (SNMP, key management, PAM, 3D, web pages): half of
# the bytes.
unneeded_packages='^(adduser|base-passwd|ca-certificates|debconf|dirmngr|fonts-.*|gnupg.*|gpg.*|init-system-helpers|libc-gconv-modules-extra|libgl1-mesa-dri|libjs-.*|libllvm.*|libpam-.*|libperl.*|libsnmp-base|libz3-.*|login\.defs|openssl|passwd|pci\.ids|perl.*|pinentry-.*|sysvinit-utils|tzdata)(:.*)?$'

# debian_sources: the machine's own "uri suite" pairs, whether or not its lists were ever fetched.
debian_sources() {
    apt-get -o Dir::State::lists="$apt_dir/none" update --print-uris 2>/dev/null |
        sed -n "s|^'\([^']*\)/dists/\([^/']*\)/InRelease'.*|\1 \2|p" | grep -v '^cdrom:'
}

# open_apt DIR: prepares the private state in DIR (made if missing).
open_apt() {
    type -P apt-get dpkg-deb >/dev/null || return 1
    apt_dir=$1
    mkdir -p "$apt_dir"/{none,etc,cache,log,debs}
    : >"$apt_dir/status"
    # The machine's apt.conf.d stays in force (proxies, certificates), except for the hooks, which touch the system.
    cat >"$apt_dir/apt.conf" <<EOF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Default-Release;
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
APT::Get::Assume-Yes "true";
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::Retries "3";
Dir::State "$apt_dir";
Dir::State::status "$apt_dir/status";
Dir::Cache "$apt_dir/cache";
Dir::Log "$apt_dir/log";
Dir::Etc::SourceList "$apt_dir/etc/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
EOF
}

private_apt() { LC_ALL=C apt-get -q -c "$apt_dir/apt.conf" "$@"; }

# fetch_lists SUITE URI [URI-SUITE …]: reads the package lists of what sources.list says.
# Asks again past Valid-Until only when that, and nothing else, was the reason: mirrors of testing can lag.
fetch_lists() {
    rm -rf "$apt_dir/lists"
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
    rm -f "$apt_dir"/cache/*.bin
    if private_apt update >"$apt_dir/update.log" 2>&1; then
        cat "$apt_dir/update.log"
        return 0
    fi
    cat "$apt_dir/update.log"
    grep -q 'is expired' "$apt_dir/update.log" || return 1
    touch "$apt_dir/expired"
    private_apt update -o Acquire::Check-Valid-Until=false
}

# write_sources LINE …: each "uri suite"; signed by Debian's archive keys where the machine has them.
write_sources() {
    local keys=/usr/share/keyrings/debian-archive-keyring.gpg signed='' uri suite
    [[ -r $keys ]] && signed="[signed-by=$keys] "
    while read -r uri suite; do
        printf 'deb %s%s %s main\n' "$signed" "$uri" "$suite"
    done >"$apt_dir/etc/sources.list"
}

# use_own_release: package lists of the machine's own Debian release, updates and security included.
use_own_release() {
    local codename
    codename=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
    debian_sources | awk -v own="$codename" 'own != "" && index($2, own) == 1' | sort -u | write_sources
    [[ -s $apt_dir/etc/sources.list ]] || {
        echo "no package source of this machine is for its own release '$codename'"
        return 1
    }
    fetch_lists
}

# use_suite SUITE: package lists of another Debian release, from the first mirror of this machine that has it.
use_suite() {
    local uri
    while read -r uri; do
        write_sources <<<"$uri $1"
        fetch_lists && return 0
    done < <(debian_sources | cut -d' ' -f1 | awk '!seen[$0]++')
    return 1
}

# candidate PACKAGE: the version that would be taken; nothing, or "(none)", when there is none.
candidate() {
    LC_ALL=C apt-cache -c "$apt_dir/apt.conf" policy "$1" | awk '$1 == "Candidate:" { print $2 }'
}

# unpack_packages FOLDER PACKAGE …: the packages and what they depend on, without documentation and translations.
unpack_packages() {
    local folder=$1 deb dir
    shift
    rm -rf "$apt_dir/debs"
    mkdir -p "$apt_dir/debs" "$folder"/usr/{bin,sbin,lib,lib64}
    # One /usr, whatever the release: a package that still ships /lib lands where the others look.
    for dir in bin sbin lib lib64; do
        [[ -e $folder/$dir ]] || ln -s "usr/$dir" "$folder/$dir"
    done
    private_apt install --print-uris "$@" >"$apt_dir/uris"
    # 'http://…/name_version_arch.deb' file size hash: by name, as download checks size and hash itself.
    sed -n "s|^'[^']*' \([^_]*\)_[^ ]*\.deb .*|\1|p" "$apt_dir/uris" | grep -vE "$unneeded_packages" >"$apt_dir/names"
    (cd "$apt_dir/debs" && xargs -a "$apt_dir/names" env LC_ALL=C apt-get -q -c "$apt_dir/apt.conf" download)
    for deb in "$apt_dir"/debs/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$folder" --keep-directory-symlink --no-same-owner --no-same-permissions \
            --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
            --exclude='./usr/share/info/*' --exclude='./usr/share/lintian/*' --exclude='./var/*'
    done
    rm -rf "$apt_dir/debs"
}
