#!/bin/sh
# At build time: from an installed Asterisk into FOLDER what the image needs of it, and nothing else; on the standard output
# the packages of the libraries that those files need, so that they are installed, and kept up to date, as packages.
#
#   gather.sh FOLDER LEAST_VERSION MODULES_CONF… -- [MODULE…]
#
# Fails where Asterisk is too old, or lacks a module that one of the files names.
set -eu
folder=$1 least=$2
shift 2
files=
while [ "$1" != -- ]; do
    files="$files $1"
    shift
done
shift

fail() {
    echo "$*" >&2
    exit 1
}

version=$(asterisk -V | sed -n 's/^Asterisk \([0-9.]*\).*/\1/p')
printf '%s\n' "$least" "${version:-0}" | sort -V -C ||
    fail "Asterisk ${version:-?} is too old: otpvoice needs $least or later. Take a base image with a newer one (--build-arg BASE=…)."

library=$(dirname "$(find /usr/lib -name libasteriskpj.so.2)")
modules=$library/asterisk/modules
mkdir -p "$folder/usr/sbin" "$folder$modules" "$folder/usr/share/asterisk/documentation"
cp -p /usr/sbin/asterisk "$folder/usr/sbin/"
cp -pP "$library"/libasterisk*.so* "$folder$library/"
# Asterisk checks its own options against it.
cp -pL /usr/share/asterisk/documentation/core-en_US.xml /usr/share/asterisk/documentation/appdocsxml.xslt \
    "$folder/usr/share/asterisk/documentation/"
# The licence of what is copied here: no package brings it along.
mkdir -p "$folder/usr/share/doc/asterisk"
cp -pL /usr/share/doc/asterisk/copyright "$folder/usr/share/doc/asterisk/"
# Also those that are only offered, in a comment.
# shellcheck disable=SC2086
for module in $(sed -n 's/^;\{0,1\}\(load\|require\) = \([a-z0-9_]*\)\.so.*/\2/p' $files) "$@"; do
    [ -e "$modules/$module.so" ] || fail "This Asterisk $version has no module $module."
    cp -p "$modules/$module.so" "$folder$modules/"
done
printf '%s\n' "$version" >"$folder/usr/share/asterisk/version"
# What the dynamic linker finds outside of Asterisk's own packages. It tells /lib/…, the packages say /usr/lib/….
find "$folder" -type f \( -name '*.so*' -o -name asterisk \) -exec ldd {} + |
    sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | xargs readlink -f | sort -u |
    xargs dpkg-query -S | sed 's/: .*//; s/:[a-z0-9]*$//' | grep -v '^asterisk' | sort -u
