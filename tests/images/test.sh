#!/usr/bin/env bash
# test.sh [PYTEST-ARGUMENT …]: builds the images and runs tests/images against them. Run by engine.sh.
# Of what it starts in the engine nothing is left: it all bears the name of one compose project, or that and "-plain".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export COMPOSE_PROJECT_NAME=otpvoice-test-$$
export OTPVOICE_IMAGES=${OTPVOICE_IMAGES:-1}
# Lies where an admin's and a developer's secrets lie while the images are built; the tests look for it in every layer.
mkdir -p docker/secrets
needles=()
for place in docker/secrets/ docker/config/asterisk/ docker/config/otpvoice/ docker/.env- docker/demo/.env- .env- \
    otpvoice/.env- docs/.git- tests/.git- asterisk/.env- dialplan/.git-; do
    needles+=("${place}image-test-$$")
done
NEEDLE=$(od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n')
export NEEDLE

clean_up() {
    local code=$? kind project label
    trap '' INT TERM
    rm -f "${needles[@]}"
    for project in "$COMPOSE_PROJECT_NAME" "$COMPOSE_PROJECT_NAME-plain"; do
        label=label=com.docker.compose.project=$project
        docker ps -aq --filter "$label" | xargs -r docker rm -f -v >/dev/null 2>&1
        for kind in network volume; do docker "$kind" ls -q --filter "$label" | xargs -r docker "$kind" rm >/dev/null 2>&1; done
    done
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
printf '%s\n' "$NEEDLE" | tee "${needles[@]}" >/dev/null
tests/images/build.sh .venv/bin/pytest -p no:cacheprovider tests/images "$@"
