# shellcheck shell=bash
# The published images that ours are built on and run beside; sourced by build.sh.
# What is here is taken, else it is pulled; where no registry answers, a stand-in is made of Debian packages. A stand-in
# proves that our files build, start, talk and stop; not how the published image behaves. Hence it has a name of its own.

# base VARIABLE IMAGE SUITE PACKAGES [CHANGE …]: sets VARIABLE to the image to use. CHANGE: as of docker import.
base() {
    local -n chosen=$1
    local image=$2 stand_in=otpvoice-stand-in/$2
    chosen=$image
    if docker image inspect "$image" >/dev/null 2>&1; then return; fi
    if ! docker image inspect "$stand_in" >/dev/null 2>&1; then
        note "$image: asking the registry"
        if timeout 120 docker pull -q "$image" >/dev/null 2>&1; then return; fi
        need_mmdebstrap
        make_stand_in "$stand_in" "${@:3}" >"$work/$1.log" 2>&1 &
        makers[$!]=$1
    fi
    chosen=$stand_in
    stand_ins+=("$image")
}

# make_stand_in NAME SUITE PACKAGES [CHANGE …]
make_stand_in() {
    local name=$1 suite=$2 packages=ca-certificates${3:+,$3} mirror certificate change options=()
    shift 3
    mirror=$(apt_dir=$work debian_sources | awk '$1 !~ /security/ { print $1; exit }')
    # The machine's own certificates: a network that inspects TLS shows them in builds as well.
    for certificate in /usr/local/share/ca-certificates/*.crt; do
        [[ ! -e $certificate ]] || options+=(--customize-hook="copy-in $certificate /usr/local/share/ca-certificates")
    done
    # As in the published images.
    case ,$packages, in
    *,python3,*) options+=(--customize-hook='for n in python python3; do ln -sf ../../bin/python3 "$1/usr/local/bin/$n"; done') ;;
    *,redis-server,*) options+=(--customize-hook='chroot "$1" install -d -o redis -g redis /data') ;;
    esac
    local changes=()
    for change; do changes+=(--change "$change"); done
    # Mirrors of testing can lag behind their Valid-Until; the signature is checked all the same.
    mmdebstrap --mode=root --variant=minbase --quiet --include="$packages" \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
        "${options[@]}" --customize-hook='chroot "$1" update-ca-certificates' \
        --customize-hook='rm -rf "$1"/etc/resolv.conf "$1"/etc/hostname "$1"/usr/share/man/* "$1"/usr/share/doc/* "$1"/usr/share/locale/*' \
        "$suite" - ${mirror:+"deb $mirror $suite main"} | docker import "${changes[@]}" - "$name"
}

need_mmdebstrap() {
    [[ $(id -u) == 0 ]] || no_images "no registry answers, and only root can make images of packages"
    if type -P mmdebstrap >/dev/null; then return; fi
    { allowed install && type -P apt-get >/dev/null; } ||
        no_images "no registry answers, and mmdebstrap is not installed; OTPVOICE_IMAGES=install allows to install it"
    step "mmdebstrap: installing" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 install mmdebstrap || no_images "mmdebstrap can't be installed, see above"
}

# all_bases: sets IMAGE_PYTHON, IMAGE_DEBIAN and IMAGE_REDIS for the build and for compose.
all_bases() {
    local work begun=$EPOCHREALTIME maker
    local -a stand_ins=()
    local -A makers=()
    work=$(mktemp -d "${TMPDIR:-/tmp}/otpvoice-bases.XXXXXX")
    mkdir "$work/none"
    base IMAGE_PYTHON python:3.13-slim trixie python3,python3-venv 'CMD ["python3"]'
    base IMAGE_DEBIAN debian:forky-slim forky '' 'CMD ["bash"]'
    base IMAGE_REDIS redis:7 bookworm redis-server 'USER redis' 'WORKDIR /data' 'VOLUME /data' 'CMD ["redis-server"]'
    for maker in "${!makers[@]}"; do
        wait "$maker" || {
            cat "$work/${makers[$maker]}.log" >&2
            no_images "a stand-in for a published image can't be made, see above"
        }
    done
    rm -rf "$work"
    ((${#makers[@]} == 0)) || note "stand-ins made in $(seconds_since "$begun") s"
    export IMAGE_PYTHON IMAGE_DEBIAN IMAGE_REDIS
    export STAND_INS="${stand_ins[*]}"
}
