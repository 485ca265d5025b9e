# shellcheck shell=bash
# What OTPVOICE_IMAGES allows and demands, and how it is said that there are no images; sourced by the scripts beside it.

# allowed WORD: is it among the words of OTPVOICE_IMAGES?
allowed() { [[ " ${OTPVOICE_IMAGES:-} " == *" $1 "* ]]; }

# no_images REASON: ends the script. Loud, so that nobody takes it for a success.
no_images() {
    local line
    printf -v line '%.0s*' {1..100}
    printf '\n%s\n*** THE IMAGES WERE NOT TESTED: %s.\n*** Nothing was built, nothing was run.\n%s\n\n' "$line" "$*" "$line" >&2
    allowed require && exit 1
    exit 77
}
