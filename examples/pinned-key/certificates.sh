#!/usr/bin/env bash
# One authority, a server certificate for localhost, the backup's current and next certificate, and an impostor's.
set -euo pipefail
umask 077

openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=countersign example CA" -out ca.crt

printf 'extendedKeyUsage = serverAuth\nsubjectAltName = DNS:localhost, IP:127.0.0.1\n' > server.ext
printf 'extendedKeyUsage = clientAuth\n' > client.ext

leaf() { # NAME COMMON-NAME EXTENSIONS
  openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -sha256 -extfile "$3" -out "$1.crt"
}

leaf server localhost server.ext
leaf current backup client.ext
leaf next backup client.ext
leaf impostor backup client.ext

public_key() { openssl x509 -in "$1" -pubkey -noout | openssl pkey -pubin -outform DER; }
for name in current next; do
  public_key "$name.crt" | openssl dgst -sha256 | sed 's/^.*= //' > "$name.pin"
done
# curl wants the same hash in base64.
public_key server.crt | openssl dgst -sha256 -binary | openssl base64 > server.pin
