#!/usr/bin/env bash
# Makes the certificates of a PostgreSQL server and of the user that a ledger signs in as, in the folder it is started in.
set -euo pipefail
umask 077

# Who vouches for both.
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=database CA" -out ca.crt

# The server: every name and address that nodes reach it by.
openssl ecparam -name prime256v1 -genkey -noout -out server.key
openssl req -new -key server.key -subj "/CN=db.example.com" -out server.csr
cat > server.ext <<'EXT'
subjectAltName = DNS:db.example.com, DNS:localhost, IP:127.0.0.1
extendedKeyUsage = serverAuth
EXT
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
  -days 825 -sha256 -extfile server.ext -out server.crt

# The user. PostgreSQL compares the common name with the user's name.
openssl ecparam -name prime256v1 -genkey -noout -out client.key
openssl req -new -key client.key -subj "/CN=countersign_user" -out client.csr
echo "extendedKeyUsage = clientAuth" > client.ext
openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
  -days 90 -sha256 -extfile client.ext -out client.crt
