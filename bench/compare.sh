#!/bin/sh
# Measures countersign beside nginx (Debian's package) in interleaved rounds on this machine, and prints tables.
#
#   bench/compare.sh [handshake] [h1] [h2] [idle]      all four without an argument
#
# ROUNDS (3), SECS (3), CONNS (64; handshakes use half), IDLE (2000) change the amount of work; SERVER_CORE (0) and
# LOAD_CORE (1) say where the two sides run. WORK (./target/bench-compare) keeps certificates, logs and results.
# Needs: openssl, curl, and nginx for the comparison (apt-get install nginx-light); without nginx only ours is measured.
set -eu
cd "$(dirname "$0")/.."
ROUNDS=${ROUNDS:-3} SECS=${SECS:-3} CONNS=${CONNS:-64} IDLE=${IDLE:-2000}
SERVER_CORE=${SERVER_CORE:-0} LOAD_CORE=${LOAD_CORE:-1}
WORK=${WORK:-$PWD/target/bench-compare}
OURS_PORT=${OURS_PORT:-28443} NGINX_PORT=${NGINX_PORT:-28444}
MODES=${*:-handshake h1 h2 idle}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}/release
mkdir -p "$WORK"
RESULTS=$WORK/results.jsonl
: >"$RESULTS"

cargo build --release --quiet -p countersign -p countersign-bench
# Ten thousand connections need descriptors on both sides; take what the hard limit gives.
ulimit -n "$(ulimit -H -n)"

# --- certificates: one authority for servers, one for clients --------------------------------------------------
. bench/certificates.sh
make_certificates "$WORK/pki"
PKI=$WORK/pki

# --- servers ------------------------------------------------------------------------------------------------------
cat >"$WORK/countersign.yaml" <<YAML
tls:
  bench: { mode: files, cert: $PKI/server.crt, key: $PKI/server.key, client_ca: $PKI/client-ca.crt, min_version: "1.3" }
listeners:
  - { name: bench, transport: h2, address: 127.0.0.1:$OURS_PORT, tls: bench, auth: [mtls] }
auth:
  principals:
    - { name: analyst, methods: [ { mtls: { subject_cn: analyst } } ] }
databases:
  - { name: bench, backend: file, path: $WORK/bench.db, mode: rwc, grants: [ { principal: analyst, level: read-write } ] }
limits: { max_connections: 20000, idle_timeout: 600s }
audit: { auth_events: { failed: true, successful: true } }
YAML
cat >"$WORK/nginx.conf" <<NGINX
worker_processes 1;
daemon off;
pid $WORK/nginx.pid;
error_log $WORK/nginx.err warn;
events { worker_connections 15000; }
http {
  access_log $WORK/nginx.access;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_temp_path $WORK/nginx-body; proxy_temp_path $WORK/nginx-proxy; fastcgi_temp_path $WORK/nginx-f;
  uwsgi_temp_path $WORK/nginx-u; scgi_temp_path $WORK/nginx-s;
  server {
    listen 127.0.0.1:$NGINX_PORT ssl http2 backlog=4096;
    ssl_certificate $PKI/server.crt;
    ssl_certificate_key $PKI/server.key;
    ssl_protocols TLSv1.3;
    ssl_client_certificate $PKI/client-ca.crt;
    ssl_verify_client on;
    location / { default_type application/json; return 200 '{"status":"ok"}'; }
  }
}
NGINX
SERVER=
stop() { if [ -n "$SERVER" ]; then kill "$SERVER" 2>/dev/null || :; wait "$SERVER" 2>/dev/null || :; SERVER=; fi; }
trap stop EXIT
trap 'exit 130' INT TERM
start() { # start ours|nginx
    case $1 in
    ours)
        PORT=$OURS_PORT
        taskset -c "$SERVER_CORE" "$TARGET/countersign" serve --config "$WORK/countersign.yaml" >"$WORK/ours.log" 2>&1 &
        ;;
    nginx)
        PORT=$NGINX_PORT
        taskset -c "$SERVER_CORE" nginx -e "$WORK/nginx.err" -c "$WORK/nginx.conf" >"$WORK/nginx.log" 2>&1 &
        ;;
    esac
    SERVER=$!
    for _ in $(seq 100); do
        if ask "https://localhost:$PORT/_health" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    echo "$1 did not start; see $WORK/$1.log" >&2
    exit 1
}
ask() { curl -sS --fail --cacert "$PKI/server-ca.crt" --cert "$PKI/analyst.crt" --key "$PKI/analyst.key" "$@"; }

# --- measurements ---------------------------------------------------------------------------------------------------
bench() { # bench LABEL MODE arguments...
    label=$1 mode=$2
    shift 2
    taskset -c "$LOAD_CORE" "$TARGET/countersign-bench" "$mode" --addr "127.0.0.1:$PORT" --cacert "$PKI/server-ca.crt" \
        --cert "$PKI/analyst.crt" --key "$PKI/analyst.key" --pid "$SERVER" --label "$label" --json "$@" >>"$RESULTS"
}
SELECT='{"sql":"SELECT id, name, val FROM t WHERE id = ?1","args":[{id}]}'
fill() { # one table with 100,000 rows
    ask "https://localhost:$PORT/bench/query" -H 'content-type: application/json' -d '{"statements":[
      {"sql":"CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, val REAL NOT NULL)"},
      {"sql":"INSERT OR IGNORE INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100000) SELECT i, '"'name-'"' || i, i * 0.5 FROM c"}]}' >/dev/null
}
round() { # round ours|nginx
    for mode in $MODES; do
        case $mode in
        handshake) bench "$1" handshake --conns $((CONNS / 2)) --secs "$SECS" ;;
        h1 | h2)
            bench "$1, static answer" "$mode" --conns "$CONNS" --secs "$SECS"
            if [ "$1" = ours ]; then
                bench "$1, point SELECT" "$mode" --conns "$CONNS" --secs "$SECS" --path /bench/query --body "$SELECT" --expect name-
            fi
            ;;
        idle) ;;
        *) echo "unknown measurement: $mode (handshake, h1, h2, idle)" >&2; exit 2 ;;
        esac
    done
}
PEERS=ours
if command -v nginx >/dev/null; then PEERS="ours nginx"; else echo "nginx is not installed; measuring countersign alone" >&2; fi
for number in $(seq "$ROUNDS"); do
    # The order turns, so that no server always runs first.
    if [ $((number % 2)) -eq 0 ] && [ "$PEERS" = "ours nginx" ]; then order="nginx ours"; else order=$PEERS; fi
    for peer in $order; do
        echo "round $number of $ROUNDS: $peer" >&2
        start "$peer"
        if [ "$peer" = ours ]; then fill; fi
        round "$peer"
        stop
        # Memory is compared on a fresh server.
        case " $MODES " in *" idle "*) start "$peer"; bench "$peer" idle --conns "$IDLE"; stop ;; esac
    done
done
"$TARGET/countersign-bench" table "$RESULTS"
