# shellcheck shell=bash
# Says what a set-up step does and how long it took; sourced by the scripts beside it.
# Keeps the output of programs to itself unless a step fails: then the whole of it is shown.

rig_log=$(mktemp "${TMPDIR:-/tmp}/otpvoice-rig.XXXXXX")

# step "what is being done" command …: one line with the seconds; on failure what the command said, and its exit code.
# The command runs in a shell of its own, so what it must hand back goes through a file.
step() {
    local what=$1 begun=$EPOCHREALTIME code
    shift
    printf '  %-60s ' "$what"
    # Not `"$@" || code=$?`: bash switches errexit off inside everything that is part of such a list.
    set +e
    (
        set -e
        "$@"
    ) >"$rig_log" 2>&1
    code=$?
    set -e
    if ((code == 0)); then
        printf '%s s\n' "$(seconds_since "$begun")"
    else
        printf 'failed\n\n'
        sed 's/^/    /' "$rig_log" >&2
        printf '\n' >&2
    fi
    return "$code"
}

seconds_since() {
    local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))
    printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

note() { printf '  %s\n' "$*"; }

fail() {
    printf '\n' >&2
    printf '  %s\n' "$@" >&2
    printf '\n' >&2
    exit 1
}
