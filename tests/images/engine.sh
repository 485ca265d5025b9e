#!/usr/bin/env bash
# engine.sh COMMAND …: runs a command where a container engine answers, with the clients buildx and compose at hand.
#
# A running docker is used as it is. Else an installed dockerd is started for the command alone; else one is installed from
# Debian packages, where that is allowed. Its images and caches are kept in the rig's folder, so that the next time is fast.
# What it starts or changes in the system (processes, bridges, packet filter, forwarding, mounts) is undone at the end, after
# Ctrl-C too; what a run left behind that was killed, at the beginning of the next one.
#
#   OTPVOICE_IMAGES   words: "install" allows apt-get install (as root), "require" makes it a failure to have no engine
#
# Exit code: the command's. 77: no engine is to be had here, and nothing was built or run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/rig/progress.sh
. tests/rig/progress.sh
# shellcheck source=tests/rig/debian.sh
. tests/rig/debian.sh
# shellcheck source=tests/images/allowed.sh
. tests/images/allowed.sh

home=${OTPVOICE_RIG:-${XDG_CACHE_HOME:-$HOME/.cache}/otpvoice}/engine
PATH=$PATH:/usr/local/sbin:/usr/sbin
child=
stopped=

answers() { docker version >/dev/null 2>&1; }
links() { ip -o link 2>/dev/null | sed 's/^[0-9]*: *\([^:@]*\).*/\1/' | grep -E '^(docker0|br-[0-9a-f]{12}|veth.*)$' | sort; }
alive() { [[ -n $1 && $(cat "/proc/$1/comm" 2>/dev/null) == dockerd ]]; }

# remember FOLDER: writes down what an engine changes, before it does. FOLDER is the engine's own, for sockets and the like.
remember() {
    rm -rf "$home/undo.new"
    mkdir -p "$home/undo.new"
    printf '%s' "$1" >"$home/undo.new/folder"
    cat /proc/sys/net/ipv4/ip_forward >"$home/undo.new/forward"
    links >"$home/undo.new/links" || :
    iptables-save >"$home/undo.new/iptables" 2>/dev/null || :
    ip6tables-save >"$home/undo.new/ip6tables" 2>/dev/null || :
    mv "$home/undo.new" "$home/undo"
}

# undo: ends the engine that was started, and puts back what was remembered. Does nothing where nothing is.
undo() {
    [[ -d $home/undo ]] || return 0
    local folder pid link family table
    folder=$(cat "$home/undo/folder")
    pid=$(cat "$folder/pid" 2>/dev/null || :)
    if alive "$pid"; then
        kill "$pid" || :
        for _ in {1..300}; do
            alive "$pid" || break
            sleep 0.1
        done
        if alive "$pid"; then kill -KILL "$pid" || :; fi
    fi
    awk -v a="$folder/" -v b="$home/data/" 'index($2, a) == 1 || index($2, b) == 1 { print $2 }' /proc/mounts |
        sort -r | xargs -r -n 1 umount -l || :
    { links || :; } | comm -13 "$home/undo/links" - | while read -r link; do ip link delete "$link" 2>/dev/null || :; done
    for family in iptables ip6tables; do
        type -P "$family" >/dev/null || continue
        for table in filter nat raw mangle; do
            # A table that was not in use before is emptied; it has no rule but the engine's.
            if ! grep -qx "\*$table" "$home/undo/$family"; then
                { "$family" -t "$table" -F && "$family" -t "$table" -X; } 2>/dev/null || :
                [[ $table != filter ]] || "$family" -P FORWARD ACCEPT 2>/dev/null || :
            fi
        done
        [[ ! -s $home/undo/$family ]] || "$family-restore" <"$home/undo/$family" || :
    done
    cat "$home/undo/forward" >/proc/sys/net/ipv4/ip_forward || :
    rm -rf --one-file-system "$folder" "$home/undo"
}

leave() {
    local code=$?
    trap '' INT TERM HUP
    set +e
    undo
    rm -f "$rig_log"
    exit "${stopped:-$code}"
}

# start FLAG …: the installed dockerd, with its data in the rig's folder.
start() {
    local folder device mtu flags=()
    folder=$(mktemp -d /tmp/otpvoice-engine.XXXXXX) # a socket's path has 107 bytes at most
    remember "$folder"
    device=$(ip -o route show default 2>/dev/null | awk '{ print $5; exit }')
    # What builds download passes through this device: a packet that does not fit is lost without a word.
    mtu=$([[ -z $device ]] || ip -o link show dev "$device" | sed -n 's/.* mtu \([0-9]*\) .*/\1/p')
    [[ -z $mtu ]] || flags=(--mtu "$mtu")
    export DOCKER_HOST=unix://$folder/socket
    # Should this script be killed, the engine ends, and the containers with it.
    setsid setpriv --pdeathsig TERM dockerd "${flags[@]}" "$@" -H "$DOCKER_HOST" --data-root "$home/data" \
        --exec-root "$folder/exec" --pidfile "$folder/pid" >"$home/dockerd.log" 2>&1 </dev/null 9>&- &
    local started=$!
    for _ in {1..300}; do
        answers && return 0
        kill -0 "$started" 2>/dev/null || break
        sleep 0.1
    done
    unset DOCKER_HOST
    undo
    return 1
}

install_engine() {
    apt-get -q update && env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 install docker.io iptables
}

find_engine() {
    answers && return 0
    [[ $(id -u) == 0 ]] || no_images "no docker answers, and only root can start one"
    mkdir -p "$home"
    exec 9>"$home/.lock"
    flock -n 9 || { note "another run has the engine; waiting" && flock 9; }
    undo
    if ! type -P docker dockerd iptables setpriv >/dev/null; then
        allowed install || no_images "no docker answers and none is installed; OTPVOICE_IMAGES=install allows to install it"
        type -P apt-get >/dev/null || no_images "no docker is installed, and this is no Debian to take it from"
        step "docker: installing" install_engine || no_images "docker can't be installed, see above"
        # Where there is an init, the package has started it.
        if answers; then return 0; fi
    fi
    if ! start && ! start --storage-driver=vfs; then
        tail -n 5 "$home/dockerd.log" >&2
        no_images "dockerd does not start here, see above"
    fi
    note "docker $(docker version -f '{{.Server.Version}}') started, storage $(docker info -f '{{.Driver}}')"
    # What a run left behind that was killed.
    docker ps -aq | xargs -r docker rm -f -v >/dev/null
    docker network prune -f >/dev/null
    docker volume prune -f >/dev/null
}

fetch_clients() {
    local deb
    open_apt "$home/apt" && use_suite trixie
    (cd "$apt_dir/debs" && private_apt download docker-buildx docker-compose)
    mkdir -p "$home/clients/cli-plugins"
    for deb in "$apt_dir"/debs/*.deb; do dpkg-deb -x "$deb" "$apt_dir/root"; done
    mv -f "$apt_dir"/root/usr/libexec/docker/cli-plugins/* "$home/clients/cli-plugins/"
}

# find_clients: docker's plugins, unpacked from Debian 13 where they are missing.
find_clients() {
    have_clients && return 0
    export DOCKER_CONFIG=$home/clients
    if ! have_clients; then
        step "docker: buildx and compose" fetch_clients || no_images "docker has no buildx or no compose, see above"
        rm -rf "$home/apt"
        have_clients || no_images "Debian's buildx and compose do not start here"
    fi
}
have_clients() { docker buildx version >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }

# stop SIGNAL CODE: passes it on; what is to be undone is undone when the command has ended.
stop() {
    stopped=$2
    [[ -z $child ]] || kill -s "$1" -- "-$child" 2>/dev/null || :
}

(($#)) || fail "usage: engine.sh COMMAND …"
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
find_engine
find_clients
trap 'stop INT 130' INT
trap 'stop TERM 143' TERM HUP
# A group of its own: a signal reaches all of it, and is acted on at once and not when the command has ended.
set -m
"$@" </dev/null 9>&- &
child=$!
set +m
code=0
while
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null
do :; done
exit "$code"
