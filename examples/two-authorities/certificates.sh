#!/usr/bin/env bash
# Makes everything that countersign.yaml names, in the folder it is started in, with nothing but openssl.
set -euo pipefail
umask 077

# Server CA — signs the server leaf that clients verify.
openssl ecparam -name prime256v1 -genkey -noout -out server-ca.key
openssl req -x509 -new -key server-ca.key -sha256 -days 3650 -subj "/CN=countersign server CA" -out server-ca.crt

# Client CA — signs client certs; the server trusts this to admit clients.
openssl ecparam -name prime256v1 -genkey -noout -out client-ca.key
openssl req -x509 -new -key client-ca.key -sha256 -days 3650 -subj "/CN=countersign client CA" -out client-ca.crt

# The server leaf certificate.
openssl ecparam -name prime256v1 -genkey -noout -out server.key
openssl req -new -key server.key -subj "/CN=db.example.com" -out server.csr

cat > server.ext <<'EXT'
subjectAltName = DNS:db.example.com, DNS:*.db.internal, IP:203.0.113.10
extendedKeyUsage = serverAuth
EXT

openssl x509 -req -in server.csr -CA server-ca.crt -CAkey server-ca.key -CAcreateserial \
  -days 825 -sha256 -extfile server.ext -out server.crt

# A client certificate per identity.
openssl ecparam -name prime256v1 -genkey -noout -out analyst.key
openssl req -new -key analyst.key -subj "/CN=analyst" -out analyst.csr

cat > client.ext <<'EXT'
extendedKeyUsage = clientAuth
EXT

openssl x509 -req -in analyst.csr -CA client-ca.crt -CAkey client-ca.key -CAcreateserial \
  -days 90 -sha256 -extfile client.ext -out analyst.crt

# The same three lines for the second identity of countersign.yaml, and for one that it does not know.
for name in reporting nobody; do
  openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
  openssl req -new -key "$name.key" -subj "/CN=$name" -out "$name.csr"
  openssl x509 -req -in "$name.csr" -CA client-ca.crt -CAkey client-ca.key -CAcreateserial \
    -days 90 -sha256 -extfile client.ext -out "$name.crt"
done

# The hex string for spki_sha256: the pin of the reporting identity.
openssl x509 -in reporting.crt -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 |
  sed 's/^.*= //' > reporting.pin
