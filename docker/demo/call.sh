#!/bin/sh
# The demo's caller: waits until a call can be placed, asks for one by the hook, shows what happens to it.
# Exit code 0: the code was delivered. 1: it was not. It lies in the image: a clone may be readable for its owner only.
set -eu
waited=0
until otpvoice check --ready --url http://demo-otpvoice:9090 2>/tmp/why; do
    waited=$((waited + 1))
    if [ $waited -ge 60 ]; then
        echo "otpvoice can place no calls:" >&2
        cat /tmp/why >&2
        exit 1
    fi
    sleep 1
done
code=${CODE:-$(python -c 'import secrets; print(f"{secrets.randbelow(1_000_000):06}")')}
echo "The telephone $TO is told the code $code."
# Here-documents are files in /tmp, arguments are for everybody to read: the code goes through a pipe.
printf '%s\n' "$code" | otpvoice call "$TO" --code - --follow
