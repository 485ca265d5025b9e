#!/usr/bin/env bash
# Sets up the real parts that `make demo` and `make test` run against: Asterisk, Redis, espeak-ng; for tests also SIPp,
# baresip and promtool, what reads the examples of docs/admin.md (fail2ban-regex, nft and nginx), and two more voices:
# flite, and Asterisk's recorded prompts in five languages.
# Changes nothing outside its own folder, needs no root, and starts nothing.
#
#   setup.sh demo|test
#
# What is installed already is used (an Asterisk only from 22.10.1 on). The rest is unpacked from Debian packages into
# ${OTPVOICE_RIG:-${XDG_CACHE_HOME:-~/.cache}/otpvoice}: roots/<name>-<key>/ and a wrapper in bin/ for each program. The
# prompts are share/asterisk-sounds/<language>/, wherever they come from.
# OTPVOICE_RIG_PRIVATE=1 ignores what is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=tests/rig/progress.sh
. ./progress.sh
# shellcheck source=tests/rig/debian.sh
. ./debian.sh

asterisk_least=22.10.1
rig=${OTPVOICE_RIG:-${XDG_CACHE_HOME:-$HOME/.cache}/otpvoice}
PATH=$PATH:/usr/local/sbin:/usr/sbin
# Who speaks them in Debian's packages.
declare -A speakers=([en]=en_US_f_Allison [es]=es_MX_f_Allison [fr]=fr_CA_f_June [it]=it_IT_m_Carlo
    [ru]=ru_RU_f_IvrvoiceRU)

# whole_sounds FOLDER: it holds prompts of each language as WAV files. Other formats are none that the tests could read.
whole_sounds() {
    local language
    for language in "${!speakers[@]}"; do
        [[ -r $1/$language/digits/1.wav && -r $1/$language/letters/a.wav ]] || return 1
    done
}

# installed PROGRAM|asterisk-sounds: the path of what the machine has, if it will do.
installed() {
    local path version
    [[ ${OTPVOICE_RIG_PRIVATE:-} == 1 ]] && return 1
    if [[ $1 == asterisk-sounds ]]; then
        for path in "${OTPVOICE_ASTERISK_SOUNDS:-/usr/share/asterisk/sounds}" \
            "${OTPVOICE_ASTERISK_SOUNDS:-/var/lib/asterisk/sounds}"; do
            whole_sounds "$path" && printf '%s' "$path" && return 0
        done
        return 1
    fi
    if [[ $1 == asterisk && -n ${OTPVOICE_ASTERISK:-} ]]; then
        path=$OTPVOICE_ASTERISK
    else
        path=$(type -P "$1") || return 1
    fi
    [[ $path == "$rig"/* ]] && return 1
    if [[ $1 == asterisk ]]; then
        version=$("$path" -V 2>/dev/null | sed -n 's/^Asterisk \([0-9.]*\).*/\1/p')
        printf '%s\n' "$asterisk_least" "${version:-0}" | sort -V -C || return 1
    fi
    printf '%s' "$path"
}

# root_of NAME PACKAGE …: the folder that holds these packages, named by all that decides its content.
root_of() {
    local name=$1
    shift
    printf '%s/roots/%s-%s' "$rig" "$name" "$(printf '%s\n' "$@" "$rig" "$recipe" | sha256sum | cut -c1-12)"
}

# write_wrapper ROOT PROGRAM [VARIABLE=VALUE [INTERPRETER]]: starts ROOT's program with ROOT's own loader and libraries. The
# machine's libc may be older than the one the program needs, and LD_LIBRARY_PATH would leak into its children.
write_wrapper() {
    local root=$1 program=$2 setting=${3:-} path loader libraries new
    path=$(compgen -G "$root/usr/bin/$program" || compgen -G "$root/usr/sbin/$program")
    [[ -z ${4:-} ]] || path="$root/usr/bin/$4' '$path"
    libraries=$(dirname "$(compgen -G "$root/usr/lib/*/libc.so.6" | head -n 1)")
    loader=$(compgen -G "$libraries/ld*.so.[0-9]" | head -n 1)
    # Some packages keep private libraries in a folder of their own, and name it by its place in the system.
    libraries=$(find "$libraries" -maxdepth 2 -name 'lib*.so*' -printf '%h\n' | sort -u | paste -sd:)
    mkdir -p "$rig/bin"
    new=$(mktemp "$rig/bin/.new.XXXXXX")
    {
        printf '#!/bin/sh\n# Made by otpvoice, tests/rig/setup.sh\n'
        if [[ -n $setting ]]; then printf "export %s='%s'\n" "${setting%%=*}" "${setting#*=}"; fi
        printf "exec '%s' --inhibit-cache --library-path '%s' --argv0 %s '%s' \"\$@\"\n" \
            "$loader" "$libraries" "$program" "$path"
    } >"$new"
    chmod 755 "$new"
    mv -f "$new" "$rig/bin/$program"
}

# finish_NAME ROOT: writes the wrappers and proves that the programs start.
finish_asterisk() {
    local root=$1 modules
    # The package makes this link when it is configured.
    ln -sfn en_US_f_Allison "$root/usr/share/asterisk/sounds/en"
    write_wrapper "$root" asterisk
    modules=$(compgen -G "$root/usr/lib/*/asterisk/modules" | head -n 1)
    # The package's compiled-in folders are the system's; whoever writes an asterisk.conf for this program appends these.
    printf '[directories](+)\nastmoddir => %s\nastdatadir => %s\nastvarlibdir => %s\nastagidir => %s\n' \
        "$modules" "$root/usr/share/asterisk" "$root/usr/share/asterisk" "$root/usr/share/asterisk/agi-bin" \
        >"$rig/bin/asterisk.directories"
    "$rig/bin/asterisk" -V
}
finish_redis() {
    write_wrapper "$1" redis-server
    write_wrapper "$1" redis-cli
    "$rig/bin/redis-server" --version
}
finish_espeak() {
    local data
    data=$(dirname "$(compgen -G "$1/usr/lib/*/espeak-ng-data" || compgen -G "$1/usr/share/espeak-ng-data")")
    write_wrapper "$1" espeak-ng "ESPEAK_DATA_PATH=$data"
    "$rig/bin/espeak-ng" -q --stdout one | wc -c
}
finish_flite() {
    write_wrapper "$1" flite
    "$rig/bin/flite" -voice slt -t one -o /dev/stdout | wc -c
}
finish_sounds() {
    local folder=$1/usr/share/asterisk/sounds language
    # The packages make these links, by way of alternatives, when they are configured.
    for language in "${!speakers[@]}"; do
        ln -sfn "${speakers[$language]}" "$folder/$language"
    done
    whole_sounds "$folder"
    link_sounds "$folder"
}
finish_sipp() {
    write_wrapper "$1" sipp
    # Its exit code after -v is 99.
    { "$rig/bin/sipp" -v || true; } | grep 'SIPp v'
}
finish_baresip() {
    write_wrapper "$1" baresip
    # It knows no --version, and -h is an error to it.
    { "$rig/bin/baresip" -h 2>&1 || true; } | grep 'Usage: baresip'
}
finish_promtool() {
    # The server that it comes with is as large again, and nothing here starts one.
    rm -rf "$1/usr/bin/prometheus" "$1/usr/share/prometheus"
    write_wrapper "$1" promtool
    "$rig/bin/promtool" --version 2>&1 | head -n 1
}

finish_fail2ban() {
    write_wrapper "$1" fail2ban-regex "PYTHONHOME=$1/usr" python3
    "$rig/bin/fail2ban-regex" --version
}
finish_nft() {
    write_wrapper "$1" nft
    "$rig/bin/nft" --version
}
finish_nginx() {
    write_wrapper "$1" nginx
    "$rig/bin/nginx" -v 2>&1
}

# link_sounds FOLDER: makes it known by the rig's own name for it.
link_sounds() {
    mkdir -p "$rig/share"
    ln -sfn "$1" "$rig/share/asterisk-sounds"
}

# open_release OWN|asterisk: package lists, read once for all that comes from the same release.
open_release() {
    local suite version
    open_apt "$work/$1" || return 1
    case $1 in
    own) use_own_release ;;
    asterisk)
        # Debian 12 and 13 have no Asterisk at all.
        for suite in forky sid; do
            use_suite "$suite" || continue
            version=$(candidate asterisk) || continue
            # 1:22.10.1+dfsg+~cs6… → 22.10.1
            version=$(sed 's/^[0-9]*://; s/[^0-9.].*//' <<<"$version")
            printf '%s\n' "$asterisk_least" "$version" | sort -V -C && return 0
        done
        echo "neither forky nor sid has an Asterisk from $asterisk_least on, on any mirror of this machine"
        return 1
        ;;
    esac
}

unpack() {
    local root=$1
    shift
    open_apt "$work/$1"
    shift
    unpack_packages "$work/root" "$@"
    mkdir -p "$rig/roots"
    rm -rf "$root"
    mv "$work/root" "$root"
    # The archive's own date would make it look years old.
    touch "$root"
}

# provide NAME PROGRAM|asterisk-sounds RELEASE PACKAGE …: does nothing when the machine or the folder has it.
provide() {
    local name=$1 program=$2 release=$3 place=$rig/bin/$2 root path former
    shift 3
    if path=$(installed "$program"); then
        used+=("$program: $path, installed")
        [[ $name != sounds ]] || link_sounds "$path"
        return 0
    fi
    root=$(root_of "$name" "$@")
    if [[ $name == sounds ]]; then
        place=$rig/share/asterisk-sounds/
        # It may still lead to what was installed then.
        [[ ! -d $root ]] || link_sounds "$root/usr/share/asterisk/sounds"
    fi
    used+=("$program: $place")
    [[ $(readlink "$rig/roots/$name") == "$root" && -x $place ]] && return 0
    if ! type -P apt-get dpkg-deb >/dev/null; then
        fail "$program is not installed, and this is no Debian to take it from. Install it" \
            "(Asterisk from $asterisk_least on; OTPVOICE_ASTERISK=/path/to/asterisk names one; asterisk-sounds are its core" \
            "sounds in en, es, fr, it and ru as wav; OTPVOICE_ASTERISK_SOUNDS=/path names them) and run this again."
    fi
    if [[ ! -e $work/$release ]]; then
        step "$program: reading package lists" open_release "$release" || fail "No $program, see above."
        [[ ! -e $work/$release/expired ]] ||
            note "WARNING: the mirror's Release file is past its Valid-Until; taken all the same (its signature is checked)."
    fi
    step "$program: downloading and unpacking" unpack "$root" "$release" "$@" || fail "No $program, see above."
    step "$program: first use" "finish_$name" "$root" || fail "No $program, see above."
    changed=1
    # A root of another recipe may be in use: it goes a day after it was replaced.
    former=$(readlink "$rig/roots/$name") && [[ -d $former ]] && touch "$former"
    # Last, so that an interrupted set-up is done again.
    ln -sfn "$root" "$rig/roots/$name"
    find "$rig/roots" -maxdepth 1 -name "$name-*" ! -path "$root" -mtime +0 -exec rm -rf {} +
}

main() {
    case ${1:-} in demo | test) ;; *) fail "usage: setup.sh demo|test" ;; esac
    mkdir -p "$rig"
    recipe=$(cat setup.sh debian.sh | sha256sum)
    used=()
    changed=0
    exec 9>"$rig/.lock"
    flock -n 9 || { note "another set-up is at work; waiting" && flock 9; }
    work=$rig/.work
    rm -rf "$work"
    trap 'rm -rf "$work" "$rig_log"' EXIT
    trap 'exit 130' INT TERM HUP

    provide asterisk asterisk asterisk asterisk asterisk-core-sounds-en-gsm
    provide redis redis-server own redis-server
    provide espeak espeak-ng own espeak-ng
    if [[ $1 == test ]]; then
        provide flite flite own flite libflite1
        provide sounds asterisk-sounds own asterisk-core-sounds-{en,es,fr,it,ru}-wav
        provide sipp sipp own sip-tester
        provide baresip baresip own baresip-core
        provide promtool promtool own prometheus
        provide fail2ban fail2ban-regex own fail2ban
        provide nft nft own nftables
        provide nginx nginx own nginx
    fi
    ((changed)) && printf '  %s\n' "${used[@]}"
    return 0
}
main "$@"
