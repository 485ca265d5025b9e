#!/bin/sh
# Starts Asterisk in a container, with a configuration rendered anew.
#
# Whatever the admin mounts at /etc/asterisk takes the place of our file of the same name, as it is; an asterisk.conf there
# says that all is his, and nothing is rendered. All other files are ours, rendered from the variables that
# asterisk/defaults.env lists; each also as NAME_FILE, the path of a file that holds the value. Refuses to start on anything
# that is missing or that Asterisk would misread, and says all of it at once.
#
# The values, value_NAME, are made by asterisk/render.sh; ulimit -H is no POSIX, but dash, bash and busybox have it.
# shellcheck disable=SC2154,SC3045
set -eu
umask 077
export LC_ALL=C
share=$(cd "$(dirname "$0")" && pwd)
own=${OWN_CONFIG_DIR:-/etc/asterisk}
# shellcheck source=asterisk/render.sh
. "$share/asterisk/render.sh"

say() { printf 'otpvoice-asterisk: %s\n' "$*"; }
give_up() {
    printf '%s' "$problems" | while IFS= read -r line; do say "$line"; done >&2
    exit 1
}

# see_own: what is mounted and can't be looked into would count as empty, and ours would run in its place. Most often it was
# cloned with umask 077.
see_own() {
    for folder in "$own" "$own/choices" "$own/otpvoice"; do
        if [ -e "$folder" ] && { [ ! -r "$folder" ] || [ ! -x "$folder" ]; }; then
            problem "$folder can't be read by user $(id -u): your own files are in it (chmod a+rX)"
            give_up
        fi
    done
}

# make_folder FOLDER: one that Asterisk writes to.
make_folder() {
    if ! mkdir -p "$1" 2>/dev/null || [ ! -w "$1" ]; then
        problem "$1 can't be written by user $(id -u): where all is read-only, it needs a tmpfs (uid=$(id -u),gid=$(id -g),mode=0700)"
        give_up
    fi
}

# make_place: an empty folder for the configuration. That of a former start of this container goes; nothing else may.
make_place() {
    rm -rf "$etc.new"
    if [ -e "$etc" ] && [ ! -e "$etc/.rendered" ]; then
        problem "$etc is no configuration that was rendered here: not touched"
        give_up
    fi
    rm -rf "$etc"
    make_folder "$etc.new"
    : >"$etc.new/.rendered"
}

# lower_max_files: more than the hard limit can't be had, and asking for it leaves a warning.
lower_max_files() {
    limit=$(ulimit -Hn)
    case $limit$value_MAX_FILES in *[!0-9]*) return ;; esac
    if [ "$value_MAX_FILES" -gt "$limit" ]; then value_MAX_FILES=$limit; fi
}

# link_into TARGET PATH…: those that TARGET has not yet; what can't be read is named.
link_into() {
    target=$1
    shift
    for path in "$@"; do
        if [ ! -e "$path" ] || [ -e "$target/${path##*/}" ]; then continue; fi
        [ -r "$path" ] || problem "$path can't be read by user $(id -u)"
        ln -s "$path" "$target/${path##*/}"
    done
}

# link_own FOLDER: what else the admin has, and the recipes of dialplan/, of which his go first, too.
link_own() {
    mkdir "$1/otpvoice"
    link_into "$1" "$own"/*
    link_into "$1/choices" "$own"/choices/*
    link_into "$1/otpvoice" "$own"/otpvoice/* "$share"/dialplan/*.conf
}

# tell_whose FOLDER: which files are whose.
tell_whose() {
    his='' ours=''
    for path in "$1"/*.conf "$1"/choices/*.conf "$1"/otpvoice/*.conf; do
        name=${path#"$1/"}
        if [ -e "$own/$name" ]; then his="$his $name"; elif [ -f "$path" ] && [ ! -h "$path" ]; then ours="$ours $name"; fi
    done
    if [ -n "$his" ]; then
        say "from $own:$his"
        say "ours, rendered from the environment:$ours"
    else
        say "$own holds no .conf file: all are ours, rendered from the environment:$ours"
        say "a file in $own takes the place of ours of the same name; extensions_local.conf adds your dialplan"
    fi
}

case ${1-asterisk} in
asterisk) ;;
*) exec "$@" ;;
esac
[ $# -eq 0 ] || shift

see_own
read_defaults "$share/asterisk/defaults.env"
read_defaults "$share/container.env"
if [ -e "$own/asterisk.conf" ] || [ -h "$own/asterisk.conf" ]; then
    say "$own/asterisk.conf is there: all of $own is yours; nothing is rendered, and no variable counts"
    etc=$own
    for path in "$own"/*.conf; do
        [ -r "$path" ] || problem "$path can't be read by user $(id -u)"
    done
    [ -z "$problems" ] || give_up
    # shellcheck disable=SC2013 # none has a space in it
    for folder in $(sed -n 's/^ast\(run\|log\|spool\|db\|key\|cache\)dir *=>* *\([^ ;]*\).*/\2/p' "$own/asterisk.conf"); do
        make_folder "$folder"
    done
else
    take_environment
    etc=$value_AST_ETC_DIR
    make_place
    for folder in "$value_AST_RUN_DIR" "$value_AST_DB_DIR" "$value_AST_KEY_DIR/keys" "$value_AST_CACHE_DIR" \
        "$value_AST_SPOOL_DIR/recording" "$value_AST_LOG_DIR"; do
        make_folder "$folder"
    done
    lower_max_files
    render_all "$share/asterisk" "$own" "$etc.new"
    link_own "$etc.new"
    if [ -n "$problems" ]; then
        rm -rf "$etc.new"
        give_up
    fi
    mv "$etc.new" "$etc"
    tell_whose "$etc"
fi
# What Asterisk has in its environment a dialplan can read, and so can whoever may look into /proc.
for name in $names; do unset "$name" "${name}_FILE"; done
# One env_file for both has otpvoice's there, too.
for name in $(env | sed -n 's/^\(OTPVOICE_[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
exec asterisk -f -C "$etc/asterisk.conf" "$@"
