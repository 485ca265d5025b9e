#!/bin/sh
# Is this Asterisk of use? Fully booted, its HTTP server bound (ARI and the media sockets are there), a SIP transport up, and
# the endpoint "trunk" there, if the pjsip.conf is ours: Asterisk starts without one that it could not read.
# Asks its control socket, so it needs no password. Whether the trunk answers is no matter of this container's health.
set -eu
etc=${AST_ETC_DIR:-/run/asterisk/etc}
[ -e "$etc/asterisk.conf" ] || etc=${OWN_CONFIG_DIR:-/etc/asterisk}

ask() { asterisk -C "$etc/asterisk.conf" -rx "$1"; }
not() {
    echo "$1"
    exit 1
}

case $(ask 'core waitfullybooted') in *'fully booted'*) ;; *) not 'not fully booted' ;; esac
case $(ask 'http show status') in *'Enabled and Bound'*) ;; *) not 'the HTTP server is not bound' ;; esac
case $(ask 'pjsip show transports') in *'No objects found'*) not 'no SIP transport is up' ;; esac
if [ -f "$etc/.rendered" ] && [ ! -h "$etc/pjsip.conf" ]; then
    case $(ask 'pjsip show endpoint trunk') in *'Unable to find object'*) not 'the endpoint trunk is not there' ;; esac
fi
echo healthy
