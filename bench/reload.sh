#!/bin/sh
# Reloads a node as often as it is told to while it is under full load, and counts what went wrong: nothing should.
#
# RATE (100) times a second for SECS (30) seconds the server's certificate and key are replaced and SIGHUP is sent; every tenth time the
# pair does not match. Meanwhile CONNS (32) kept connections ask without pause. SERVER_CORE (0) and LOAD_CORE (1) say where the two
# sides run. WORK (./target/bench-reload) keeps certificates and log.
set -eu
cd "$(dirname "$0")/.."
RATE=${RATE:-100} SECS=${SECS:-30} CONNS=${CONNS:-32} PORT=${PORT:-28447}
SERVER_CORE=${SERVER_CORE:-0} LOAD_CORE=${LOAD_CORE:-1}
WORK=${WORK:-$PWD/target/bench-reload}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}/release

cargo build --release --quiet -p countersign -p countersign-bench
rm -rf "$WORK"
mkdir -p "$WORK"
cd "$WORK"
leaf() { # leaf NAME AUTHORITY EXTENSIONS
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    printf '%b' "$3" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 90 -sha256 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
    chmod 600 "$1.key"
}
for authority in server-ca client-ca; do
    openssl ecparam -name prime256v1 -genkey -noout -out "$authority.key"
    openssl req -x509 -new -key "$authority.key" -sha256 -days 3650 -subj "/CN=bench $authority" -out "$authority.crt"
done
for name in one two; do
    leaf "$name" server-ca 'subjectAltName = DNS:localhost, IP:127.0.0.1\nextendedKeyUsage = serverAuth\n'
done
leaf analyst client-ca 'extendedKeyUsage = clientAuth\n'
leaf admin client-ca 'extendedKeyUsage = clientAuth\n'
cat >countersign.yaml <<YAML
tls:
  bench: { mode: files, cert: ./server.crt, key: ./server.key, client_ca: ./client-ca.crt, min_version: "1.3" }
listeners:
  - { name: bench, transport: h2, address: 127.0.0.1:$PORT, tls: bench, auth: [mtls] }
auth:
  principals:
    - { name: analyst, methods: [ { mtls: { subject_cn: analyst } } ] }
    - { name: admin, methods: [ { mtls: { subject_cn: admin } } ] }
databases:
  - { name: bench, backend: file, path: ./bench.db, mode: rwc, grants: [ { principal: analyst, level: read-write } ] }
control_plane: { enabled: true, admins: [admin] }
reload: { watch: false }
YAML
cp one.crt server.crt && cp -p one.key server.key
SERVER=
stop() { if [ -n "$SERVER" ]; then kill "$SERVER" 2>/dev/null || :; wait "$SERVER" 2>/dev/null || :; SERVER=; fi; }
trap stop EXIT
trap 'exit 130' INT TERM
taskset -c "$SERVER_CORE" "$TARGET/countersign" serve --config countersign.yaml >log 2>&1 &
SERVER=$!
for _ in $(seq 100); do
    if grep -q 'listening on' log; then break; fi
    sleep 0.1
done
taskset -c "$LOAD_CORE" "$TARGET/countersign-bench" reload --addr "127.0.0.1:$PORT" --cacert server-ca.crt --cert analyst.crt \
    --key analyst.key --path /bench/query --body '{"sql":"SELECT 1"}' --expect rows --conns "$CONNS" --secs "$SECS" --pid "$SERVER" \
    --rate "$RATE" --place server --one one --two two
curl -sS --fail --cacert server-ca.crt --cert admin.crt --key admin.key "https://localhost:$PORT/_metrics" | grep '^countersign_reload'
