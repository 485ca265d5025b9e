#!/bin/sh
# make-secrets.sh [FOLDER]: makes the secrets that are missing, in secrets/ beside this file or in FOLDER (SECRETS_DIR), and
# .env of .env.example where there is none. It overwrites nothing and prints no secret: run it as often as you like, and after
# each upgrade.
#
# The folder is for its owner only (a FOLDER that was there before stays as it is); the files in it can be read by all, since
# the users of the containers have to, and nobody else gets at them. To change one: remove its file (redis_password:
# redis_url, too), run this again, and `docker compose up -d --force-recreate`.
set -eu
here=$(dirname "$0")
folder=${1:-$here/secrets}
if [ $# -eq 0 ] || [ ! -d "$folder" ]; then
    mkdir -p "$folder"
    chmod 700 "$folder"
elif [ -n "$(find "$folder" -prune -perm -o+x)" ]; then
    echo "$folder was there before and is open to all who use this machine: chmod 700 it, if nobody else needs it" >&2
fi

# make NAME COMMAND …: what the command prints becomes the file, whole or not at all.
make() {
    name=$1
    shift
    [ -e "$folder/$name" ] && return
    umask 022
    "$@" >"$folder/.$name.new"
    mv "$folder/.$name.new" "$folder/$name"
    echo "made $folder/$name"
}
random_hex() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'; }
webhook_secret() { printf 'whsec_%s' "$(random_base64)"; }
random_base64() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
redis_url() { printf 'redis://:%s@redis:6379/0' "$(cat "$folder/redis_password")"; }

make ari_password random_hex
make redis_password random_hex
make redis_url redis_url
make api_key random_hex
make secret_key random_base64
make webhook_secrets webhook_secret
# Your carrier's, where it gave you one; empty: none.
make trunk_password :
# Of a certificate of ours, for a trunk over TLS; empty: none.
make tls_key :

if [ ! -e "$here/.env" ]; then
    cp "$here/.env.example" "$here/.env"
    echo "made $here/.env of .env.example: what you set goes there"
fi
