# shellcheck shell=bash
# CA_BUNDLE, the build secret: certificates of a network that inspects TLS, where there is one; sourced by build.sh, test.sh.
if [[ -z ${CA_BUNDLE:-} ]]; then
    for CA_BUNDLE in "${PIP_CERT:-}" "${SSL_CERT_FILE:-}" /dev/null; do
        [[ -r $CA_BUNDLE ]] && break
    done
fi
export CA_BUNDLE
