#!/bin/sh
# Measures PostgreSQL through the door beside what else stands in front of it, in interleaved rounds on this machine, with pgbench:
# the server's own TLS, pgbouncer in session mode with TLS and certificates, ours, and ours with connections kept warm.
#
#   bench/postgres.sh [idle] [prepared] [simple] [connect] [trip]      all five without an argument
#
# ROUNDS (5), SECS (4), CLIENTS (8), IDLE (200) and SCALE (10, of pgbench's tables) change the amount of work; SERVER_CORE (0) and
# LOAD_CORE (1) say where the servers and pgbench run. WORK (./target/bench-postgres) keeps certificates, data and logs; BINARY
# measures another build. Needs root (PostgreSQL is started as its own user), openssl and the packages postgresql and pgbouncer; without
# the latter it is left out. What pgbench measures is all of the way, the server included: compare within one run.
set -eu
cd "$(dirname "$0")/.."
ROUNDS=${ROUNDS:-5} SECS=${SECS:-4} CLIENTS=${CLIENTS:-8} IDLE=${IDLE:-200} SCALE=${SCALE:-10}
SERVER_CORE=${SERVER_CORE:-0} LOAD_CORE=${LOAD_CORE:-1}
WORK=${WORK:-$PWD/target/bench-postgres}
PG_PORT=${PG_PORT:-28451} OURS_PORT=${OURS_PORT:-28452} WARM_PORT=${WARM_PORT:-28453} BOUNCER_PORT=${BOUNCER_PORT:-28454}
MODES=${*:-idle prepared simple connect trip}
PROGRAMS=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
if [ -z "${BINARY:-}" ]; then
    cargo build --release --quiet -p countersign
    BINARY=${CARGO_TARGET_DIR:-$PWD/target}/release/countersign
fi
mkdir -p "$WORK/pki"
RESULTS=$WORK/results.tsv
: >"$RESULTS"

# --- certificates: one authority for servers, one for clients --------------------------------------------------
. bench/certificates.sh
make_certificates "$WORK/pki"
PKI=$WORK/pki

# --- the server: TLS with certificates for whoever comes directly, loopback in clear text for what stands in front -------
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
PIDS=
started() { PIDS="$PIDS $!"; }
stop() { for pid in $PIDS; do kill "$pid" 2>/dev/null || :; done; wait; }
trap stop EXIT
trap 'exit 130' INT TERM
DATA=$(mktemp -d /tmp/countersign-bench-XXXXXX)
trap 'stop; rm -rf "$DATA"' EXIT
cp "$PKI/server.crt" "$PKI/server.key" "$PKI/client-ca.crt" "$DATA"
printf '"analyst" ""\n' >"$DATA/users"
chown -R postgres: "$DATA"
as_postgres "$PROGRAMS/initdb" -D "$DATA/data" -A trust -E UTF8 --no-locale --no-sync >"$WORK/initdb.log"
cat >>"$DATA/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $PG_PORT
unix_socket_directories = '$DATA'
max_connections = 500
shared_buffers = 512MB
autovacuum = off
ssl = on
ssl_cert_file = '$DATA/server.crt'
ssl_key_file = '$DATA/server.key'
ssl_ca_file = '$DATA/client-ca.crt'
CONF
printf 'local all all trust\nhostssl all analyst 127.0.0.0/8 cert\nhostnossl all all 127.0.0.0/8 trust\n' >"$DATA/data/pg_hba.conf"
setpriv --reuid=postgres --regid=postgres --init-groups taskset -c "$SERVER_CORE" "$PROGRAMS/postgres" -D "$DATA/data" >"$WORK/postgres.log" 2>&1 &
started
until psql -XAtq -h "$DATA" -p "$PG_PORT" -U postgres -c 'SELECT 1' postgres >/dev/null 2>&1; do sleep 0.1; done
psql -Xq -h "$DATA" -p "$PG_PORT" -U postgres -c 'CREATE ROLE analyst LOGIN' -c 'CREATE DATABASE bench OWNER analyst' postgres
pgbench -i -q -s "$SCALE" -h "$DATA" -p "$PG_PORT" -U analyst bench >"$WORK/fill.log" 2>&1

# --- what stands in front ---------------------------------------------------------------------------------------------
in_front() { # in_front NAME PORT LINES
    cat >"$WORK/$1.yaml" <<YAML
tls:
  bench: { mode: files, cert: $PKI/server.crt, key: $PKI/server.key, client_ca: $PKI/client-ca.crt, min_version: "1.3" }
listeners:
  - { name: pg, transport: postgres, address: "127.0.0.1:$2", tls: bench, auth: [mtls] }
auth:
  principals:
    - { name: analyst, methods: [ { mtls: { subject_cn: analyst } } ] }
services:
  - name: server
    postgres: { address: "127.0.0.1:$PG_PORT", database: bench, sslmode: disable, identity: shared, max_connections: 400, max_connections_per_principal: 400$3 }
databases:
  - { name: bench, backend: postgres, service: server, grants: [ { principal: analyst, level: read-write } ] }
YAML
    taskset -c "$SERVER_CORE" "$BINARY" serve --config "$WORK/$1.yaml" >"$WORK/$1.log" 2>&1 &
    started
    eval "pid_$1=$!"
    until grep -q 'listening on' "$WORK/$1.log"; do
        kill -0 $! 2>/dev/null || { cat "$WORK/$1.log" >&2; exit 1; }
        sleep 0.1
    done
}
in_front ours "$OURS_PORT" ''
in_front warm "$WARM_PORT" ', keep_warm: true'
PEERS="server ours warm"
if command -v pgbouncer >/dev/null; then
    PEERS="server pgbouncer ours warm"
    cat >"$DATA/pgbouncer.ini" <<INI
[databases]
bench = host=127.0.0.1 port=$PG_PORT user=analyst
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $BOUNCER_PORT
unix_socket_dir =
pool_mode = session
max_client_conn = 1000
default_pool_size = 400
auth_type = cert
auth_file = $DATA/users
client_tls_sslmode = verify-full
client_tls_ca_file = $DATA/client-ca.crt
client_tls_cert_file = $DATA/server.crt
client_tls_key_file = $DATA/server.key
client_tls_protocols = tlsv1.3
ignore_startup_parameters = extra_float_digits
INI
    chown postgres: "$DATA/pgbouncer.ini"
    setpriv --reuid=postgres --regid=postgres --init-groups taskset -c "$SERVER_CORE" pgbouncer -q "$DATA/pgbouncer.ini" >"$WORK/pgbouncer.log" 2>&1 &
    started
    pid_pgbouncer=$!
fi

# --- measurements -------------------------------------------------------------------------------------------------------
port_of() {
    case $1 in server) echo "$PG_PORT" ;; pgbouncer) echo "$BOUNCER_PORT" ;; ours) echo "$OURS_PORT" ;; warm) echo "$WARM_PORT" ;; esac
}
load() { # load PEER pgbench-arguments...
    peer=$1
    shift
    PGSSLMODE=verify-full PGSSLROOTCERT=$PKI/server-ca.crt PGSSLCERT=$PKI/analyst.crt PGSSLKEY=$PKI/analyst.key PGGSSENCMODE=disable \
        taskset -c "$LOAD_CORE" pgbench -n -S -h localhost -p "$(port_of "$peer")" -U analyst "$@" bench 2>>"$WORK/pgbench.err"
}
rate() { # rate MODE PEER pgbench-arguments...
    mode=$1 peer=$2
    shift 2
    tps=$(load "$peer" -T "$SECS" "$@" | sed -n 's/^tps = \([0-9]*\).*/\1/p')
    printf '%s\t%s\t%s\n' "$mode" "$peer" "${tps:?pgbench failed, see $WORK/pgbench.err}" >>"$RESULTS"
}
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
idle() { # idle PEER: kibibytes of each session that was opened and then says next to nothing
    if [ "$1" = server ]; then return 0; fi
    eval "pid=\$pid_$1"
    before=$(resident "$pid")
    load "$1" -c "$IDLE" -j 1 -T "$((SECS + 8))" -R 10 >/dev/null &
    loading=$!
    sleep "$((SECS + 4))"
    printf 'idle, KiB each\t%s\t%s\n' "$1" "$((($(resident "$pid") - before) / IDLE))" >>"$RESULTS"
    wait "$loading"
}
for number in $(seq "$ROUNDS"); do
    for peer in $PEERS; do
        echo "round $number of $ROUNDS: $peer" >&2
        for mode in $MODES; do
            case $mode in
            prepared) rate "prepared, $CLIENTS clients" "$peer" -M prepared -c "$CLIENTS" -j 1 ;;
            simple) rate "simple, $CLIENTS clients" "$peer" -M simple -c "$CLIENTS" -j 1 ;;
            connect) rate "new connections, $CLIENTS clients" "$peer" -C -M simple -c "$CLIENTS" -j "$CLIENTS" ;;
            trip) rate "prepared, one client" "$peer" -M prepared -c 1 -j 1 ;;
            # Memory is compared once, on servers that have done nothing yet.
            idle) if [ "$number" -eq 1 ]; then idle "$peer"; fi ;;
            *) echo "unknown measurement: $mode (idle, prepared, simple, connect, trip)" >&2; exit 2 ;;
            esac
        done
    done
    # The order turns, so that no peer always runs first.
    PEERS="${PEERS#* } ${PEERS%% *}"
done
echo "medians per second, and kibibytes where that is said:"
sort -t "$(printf '\t')" -k1,1 -k2,2 -k3,3n "$RESULTS" | awk -F '\t' '
    function out() { if (n) printf "%-32s %-10s %s\n", mode, peer, values[int((n + 1) / 2)] }
    $1 != mode || $2 != peer { out(); n = 0; mode = $1; peer = $2 }
    { values[++n] = $3 }
    END { out() }'
