#!/usr/bin/env bash
# pure.sh: builds the image with the tests of the pure rooms and runs them inside, without a network. Run by the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/images/bundle.sh
. tests/images/bundle.sh
docker buildx build --load --progress plain --secret "id=ca_bundle,src=$CA_BUNDLE" --build-arg "BASE=$IMAGE_PYTHON" \
    --target test --tag otpvoice-test --file docker/otpvoice/Dockerfile .
exec docker run --rm --label "com.docker.compose.project=$COMPOSE_PROJECT_NAME" --read-only --tmpfs /tmp --cap-drop ALL \
    --security-opt no-new-privileges --network none otpvoice-test "$@"
