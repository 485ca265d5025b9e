#!/bin/sh
# Renders the files beside this one for one installation: @NAME@ becomes its value, a line with @NAME?@ goes when there is
# none, and nothing else is touched.
#
#   TRUNK_HOST=sip.example.net ARI_PASSWORD_FILE=/root/ari_password asterisk/render.sh FOLDER
#
# Values are those of the environment (NAME, or NAME_FILE: the path of a file that holds it), else of defaults.env. FOLDER is
# made, and then for Asterisk's user alone to read. Refuses to overwrite, and what Asterisk would misread, all at once.
#
# The container's entrypoint.sh sources it, the testkit runs it. No value is ever an argument of a program, or shown. Own
# names are in lower case: the others are the environment's.

names=    # all there are, in the order of defaults.env
missing=  # those that a file needs and nobody gave
unread=   # those whose file is no use: said once
problems= # a sentence a line

problem() { problems="$problems$1
"; }

# read_defaults FILE: the lines NAME=value; the comment right above one says what it can be (see judge).
read_defaults() {
    kind=
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '# '*) kind=${line#'# '} ;;
        [A-Z]*=*)
            name=${line%%=*}
            # What else gives defaults does not change what a value can be.
            case " $names " in
            *" $name "*) ;;
            *) names="$names $name" && eval "kind_$name=\$kind" ;;
            esac
            eval "value_$name=\${line#*=}"
            kind=
            ;;
        *) kind= ;;
        esac
    done <"$1"
}

# take_environment: NAME, or what the file named by NAME_FILE holds, takes the default's place. An empty variable counts as not
# set, since that is what ${NAME:-} in a compose file leaves.
take_environment() {
    for name in $names; do
        eval "given=\${$name-} file=\${${name}_FILE-}"
        trim "$given"
        [ -n "$trimmed" ] || given=
        if [ -n "$file" ]; then
            if [ -n "$given" ]; then
                problem "${name}_FILE is set as well as $name: one of them is enough"
                given=
            else
                read_secret "$file" || unread="$unread $name"
            fi
        fi
        if [ -n "$given" ]; then eval "value_$name=\$given"; fi
    done
}

# read_secret PATH: the content, without white space around it, in $given.
read_secret() {
    if [ ! -f "$1" ] || [ ! -r "$1" ]; then
        problem "${name}_FILE names a file that user $(id -u) can't read"
        return 1
    fi
    # A shell drops these without a word.
    if [ "$(tr -cd '\000' <"$1" | wc -c)" -ne 0 ]; then
        problem "${name}_FILE names a file that holds no text"
        return 1
    fi
    trim "$(cat "$1")"
    given=$trimmed
    if [ -z "$given" ]; then
        problem "${name}_FILE names a file that is empty"
        return 1
    fi
}

trim() {
    trimmed=$1
    while :; do
        case $trimmed in
        [[:space:]]*) trimmed=${trimmed#?} ;;
        *[[:space:]]) trimmed=${trimmed%?} ;;
        *) break ;;
        esac
    done
}

# render_all TEMPLATES OWN TARGET: all of TEMPLATES, and of its choices/ those that are included. A file of the same name in
# OWN takes the place of one, as it is. "problems" then says all that is wrong; nothing in TARGET counts unless it is empty.
render_all() {
    queue=
    for path in "$1"/*.conf; do queue="$queue ${path##*/}"; done
    done=' '
    mkdir -p "$3/choices"
    while [ -n "${queue# }" ]; do
        queue=${queue# }
        file=${queue%% *}
        queue=${queue#"$file"}
        case $done in *" $file "*) continue ;; esac
        done="$done$file "
        if [ -e "$2/$file" ] || [ -h "$2/$file" ]; then
            if [ -r "$2/$file" ]; then
                scan "$2/$file"
                ln -s "$2/$file" "$3/$file"
            else
                problem "$2/$file can't be read by user $(id -u)"
            fi
        elif [ -f "$1/$file" ]; then
            render_file "$1/$file" >"$3/$file.new"
            mv "$3/$file.new" "$3/$file"
        fi
    done
    name_problems
}

# render_file TEMPLATE: to the standard output.
render_file() {
    while ended=no; { IFS= read -r line && ended=yes; } || [ -n "$line" ]; do
        render_line
        if [ "$left_out" = yes ]; then continue; fi
        follow "$rendered"
        if [ "$ended" = yes ]; then printf '%s\n' "$rendered"; else printf '%s' "$rendered"; fi
    done <"$1"
}

# render_line: $line in $rendered. What is written in a value is no placeholder.
render_line() {
    rendered='' rest=$line left_out=no
    while :; do
        case $rest in *@*@*) ;; *) break ;; esac
        rendered=$rendered${rest%%@*}
        rest=${rest#*@}
        name=${rest%%@*}
        case $name in
        '' | [!A-Z]* | *[!A-Z0-9_?]* | *\?*[!?]* | *\?\?*)
            # No name; the second @ may begin one.
            rendered=$rendered@
            continue
            ;;
        esac
        rest=${rest#*@}
        optional=no
        case $name in *\?) optional=yes name=${name%\?} ;; esac
        case " $names " in
        *" $name "*)
            eval "value=\$value_$name"
            escape
            rendered=$rendered$escaped
            ;;
        *) problem "@$name@ is not in asterisk/defaults.env" && continue ;;
        esac
        if [ -n "$value" ]; then continue; fi
        if [ "$optional" = yes ]; then left_out=yes; else missing="$missing $name"; fi
    done
    rendered=$rendered$rest
}

# escape: $value in $escaped. A semicolon begins a comment, unless a backslash stands before it (main/config.c).
escape() {
    escaped='' tail=$value
    while :; do
        case $tail in *\;*) ;; *) break ;; esac
        escaped="$escaped${tail%%;*}\\;"
        tail=${tail#*;}
    done
    escaped=$escaped$tail
}

# scan FILE: an admin's own file may include choices of ours.
scan() {
    while IFS= read -r line || [ -n "$line" ]; do follow "$line"; done <"$1"
}

# follow LINE: what it includes of choices/ is rendered, too.
follow() {
    case $1 in
    '#include "choices/'*'.conf"' | '#tryinclude "choices/'*'.conf"')
        included=${1#*\"}
        included=${included%\"}
        case ${included#choices/} in *[!a-z_.]* | *.*.*) ;; *) queue="$queue $included" ;; esac
        ;;
    esac
}

# name_problems: what is wrong with the values.
name_problems() {
    for name in $names; do
        eval "value=\$value_$name kind=\${kind_$name-}"
        case " $unread " in *" $name "*) continue ;; esac
        case " $missing " in
        *" $name "*)
            problem "$name must be given"
            continue
            ;;
        esac
        # Asterisk reads lines, and strips the spaces around a value (main/config.c).
        case $value in
        '') continue ;;
        *[[:cntrl:]]* | ' '* | *' ') unfit='be one line without control characters, and without spaces around it' ;;
        *) judge ;;
        esac
        if [ -n "$unfit" ]; then problem "$name must $unfit"; fi
    done
}

# judge: why $value is none of $kind, in $unfit; empty where it is one, and where $kind tells nothing.
judge() {
    unfit='' offer=${kind#*: }
    case $kind in
    'One of: '*) is_offered "$value" || unfit="be one of: $offer" ;;
    'Some of: '*) every is_offered || unfit="be some of, with a comma between: $offer" ;;
    'A number '*) judge_number ;;
    'A host'*) is_host "$value" || unfit='be an IPv4 address or a host name' ;;
    'Networks'*) every is_network || unfit='be IPv4 addresses or networks, with a comma between' ;;
    'A name'*)
        case $value in *[!A-Za-z0-9._+~*%\&=\$!-]*) unfit='be of letters, digits and . _ + ~ * % & = $ ! -' ;; esac
        ;;
    esac
}

# judge_number: "A number LEAST to MOST", and perhaps ", above NAME".
judge_number() {
    range=${kind#A number }
    range=${range%%:*}
    least=${range%% *} most=${range#* to }
    most=${most%%,*}
    is_number "$value" "$least" "$most" || unfit="be a number from $least to $most"
    case $unfit$range in
    [0-9]*', above '*)
        other=''
        eval "other=\$value_${range##* }"
        # One that is no number is named itself.
        if is_number "$other" 0 "$most" && [ "$value" -le "$other" ]; then unfit="be above ${range##* }"; fi
        ;;
    esac
}

# every TEST: does each part of $value, between commas, pass it?
every() {
    parts=$value,
    while [ -n "$parts" ]; do
        "$1" "${parts%%,*}" || return 1
        parts=${parts#*,}
    done
}

is_offered() {
    case $1 in '' | *[!a-z]*) return 1 ;; esac
    case ", $offer, " in *", $1, "*) ;; *) return 1 ;; esac
}

# is_number TEXT LEAST MOST
is_number() {
    case $1 in '' | *[!0-9]* | ???????????*) return 1 ;; esac
    [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# is_address TEXT: four numbers.
is_address() {
    case $1 in *.*.*.*.*) return 1 ;; *.*.*.*) ;; *) return 1 ;; esac
    octets=$1.
    while [ -n "$octets" ]; do
        is_number "${octets%%.*}" 0 255 || return 1
        octets=${octets#*.}
    done
}

is_host() {
    case $1 in
    *[!A-Za-z0-9._-]* | [.-]* | *..*) return 1 ;;
    *[!0-9.]*) ;;
    *) is_address "$1" ;;
    esac
}

is_network() {
    case $1 in
    */*.*) is_address "${1%%/*}" && is_address "${1#*/}" ;;
    */*) is_address "${1%%/*}" && is_number "${1#*/}" 0 32 ;;
    *) is_address "$1" ;;
    esac
}

# Run by itself.
case ${0##*/} in
render.sh)
    set -eu
    umask 077
    export LC_ALL=C
    if [ $# -ne 1 ] || [ -e "${1-}" ]; then
        echo "usage: render.sh FOLDER, which is not there yet" >&2
        exit 2
    fi
    templates=$(cd "$(dirname "$0")" && pwd)
    read_defaults "$templates/defaults.env"
    take_environment
    render_all "$templates" /nonexistent "$1"
    if [ -n "$problems" ]; then
        rm -rf "$1"
        printf '%s' "$problems" >&2
        exit 1
    fi
    ;;
esac
