#!/bin/sh
# Makes what the two sides need to trust each other, in keys/: a secret, an authority, and the hub's
# certificate. Arguments: the names and addresses by which edges call the hub.
#
#     sh make-keys.sh hub.example.net 192.0.2.7
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p keys
cd keys

names=
for name in "$@" localhost 127.0.0.1; do
  case $name in
    *[!0-9.]*) names="$names${names:+,}DNS:$name" ;;
    *) names="$names${names:+,}IP:$name" ;;
  esac
done

new_key() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1" 2>/dev/null
}

openssl rand -hex 32 >secret

new_key ca.key
openssl req -x509 -new -key ca.key -days 3650 -subj "/CN=spooler example authority" -out ca.pem

new_key hub.key
openssl req -new -key hub.key -subj "/CN=hub" -out hub.csr
echo "subjectAltName=$names" >hub.ext
openssl x509 -req -in hub.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 \
  -extfile hub.ext -out hub.pem 2>/dev/null
rm hub.csr hub.ext

echo "keys/ for the edge: ca.pem secret; for the hub: hub.pem hub.key secret; ca.key stays with you"
