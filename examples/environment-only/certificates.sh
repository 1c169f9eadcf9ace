#!/usr/bin/env bash
# Makes one internal authority with RSA keys, a server certificate and a client certificate, in the folder it is started in.
set -euo pipefail
umask 077

openssl genrsa -out ca.key 4096
openssl req -new -x509 -key ca.key -out ca.crt -days 3650 \
  -subj "/CN=countersign Internal CA/O=Acme Inc/C=US"

openssl genrsa -out server.key 4096
openssl req -new -key server.key -out server.csr \
  -subj "/CN=countersign.example.com/O=Acme Inc/C=US" \
  -addext "subjectAltName=DNS:countersign.example.com,DNS:localhost,IP:127.0.0.1"
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
  -out server.crt -days 825 \
  -extfile <(printf "subjectAltName=DNS:countersign.example.com,DNS:localhost,IP:127.0.0.1")
chmod 600 server.key

# A client certificate. openssl writes it as X.509 version 1, because nothing asks it for an extension.
mkdir -p clients
(
  cd clients
  openssl genrsa -out alice.key 4096
  openssl req -new -key alice.key -out alice.csr \
    -subj "/CN=alice@example.com/O=Acme Inc/C=US"
  openssl x509 -req -in alice.csr -CA ../ca.crt -CAkey ../ca.key -CAcreateserial \
    -out alice.crt -days 365
  chmod 600 alice.key
)
cp ca.crt clients-ca.crt
