#!/usr/bin/env bash
# build.sh [COMMAND …]: builds both images as an admin does, by compose, and says how large they are; then runs the command,
# which finds in IMAGE_PYTHON, IMAGE_DEBIAN and IMAGE_REDIS what they were built on and run beside. Run by engine.sh.
#
# CA_BUNDLE: a file of certificates for a network that inspects TLS; else what pip and OpenSSL are told by PIP_CERT and
# SSL_CERT_FILE. It reaches the build as a secret and is in no layer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/rig/progress.sh
. tests/rig/progress.sh
scratch=$(mktemp -d "${TMPDIR:-/tmp}/otpvoice-build.XXXXXX")
expired=$scratch/expired
trap 'rm -rf "$rig_log" "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# shellcheck source=tests/rig/debian.sh
. tests/rig/debian.sh
# shellcheck source=tests/images/allowed.sh
. tests/images/allowed.sh
# shellcheck source=tests/images/bases.sh
. tests/images/bases.sh
# shellcheck source=tests/images/bundle.sh
. tests/images/bundle.sh

size() { docker image inspect -f '{{.Size}}' "$1"; }

# An admin's own docker/.env is none of its business.
compose_build() {
    docker compose --env-file docker/.env.example -f docker/compose.yaml --profile asterisk --progress plain build otpvoice asterisk
}
# build: both at once. Past Valid-Until only when that, and nothing else, was the reason: mirrors of testing can lag.
build() {
    local log=$scratch/log
    if compose_build >"$log" 2>&1; then return 0; fi
    if ! grep -q 'is expired' "$log"; then
        cat "$log"
        return 1
    fi
    touch "$expired"
    CHECK_VALID_UNTIL=false compose_build
}

# report IMAGE BASE: its size, and what of it is ours.
report() {
    printf '  %-20s %4d MB, %d MB of it on top of %s, user %s\n' "$1" $(($(size "$1") / 1000000)) \
        $((($(size "$1") - $(size "$2")) / 1000000)) "$2" "$(docker image inspect -f '{{.Config.User}}' "$1")"
}

all_bases
[[ -z $STAND_INS ]] || {
    printf '  %.0s*' {1..33}
    printf '\n  STAND-INS of Debian packages take the place of published images that no registry gave: %s.\n' "$STAND_INS"
    printf '  What is shown is that ours build, start, talk and stop, not how the published ones behave.\n'
    printf '  %.0s*' {1..33}
    printf '\n'
}
step "otpvoice, otpvoice-asterisk: building" build || fail "No images, see above."
[[ ! -e $expired ]] ||
    note "WARNING: the mirror's Release file is past its Valid-Until; taken all the same (its signature is checked)."
report otpvoice "$IMAGE_PYTHON"
report otpvoice-asterisk "$IMAGE_DEBIAN"
(($# == 0)) || {
    rm -rf "$rig_log" "$scratch"
    exec "$@"
}
