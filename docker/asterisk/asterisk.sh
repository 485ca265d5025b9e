#!/bin/sh
# On the PATH before the program: with the configuration that runs in this container, so that asterisk -rx "…" needs no -C.
# A -C that is given counts more: it comes later.
etc=${AST_ETC_DIR:-/run/asterisk/etc}
[ -e "$etc/asterisk.conf" ] || etc=${OWN_CONFIG_DIR:-/etc/asterisk}
[ ! -e "$etc/asterisk.conf" ] || set -- -C "$etc/asterisk.conf" "$@"
exec /usr/sbin/asterisk "$@"
