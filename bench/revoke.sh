#!/bin/sh
# Measures, on this machine, from the revocation of a certificate to the last byte of every connection it was presented on.
#
# CONNS (10000) connections are held, HIT (100) of them with the certificate that `countersign cert revoke` takes back; the
# others must go on answering. ROUNDS (3) certificates are revoked one after the other, each on a node of its own. SERVER_CORE (0)
# and LOAD_CORE (1) say where the two sides run; the command runs beside the load. WORK (./target/bench-revoke) keeps realm and log.
set -eu
cd "$(dirname "$0")/.."
CONNS=${CONNS:-10000} HIT=${HIT:-100} ROUNDS=${ROUNDS:-3} PORT=${PORT:-28446}
SERVER_CORE=${SERVER_CORE:-0} LOAD_CORE=${LOAD_CORE:-1}
WORK=${WORK:-$PWD/target/bench-revoke}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}/release

cargo build --release --quiet -p countersign -p countersign-bench
# Ten thousand connections need descriptors on both sides; take what the hard limit gives.
ulimit -n "$(ulimit -H -n)"
rm -rf "$WORK"
mkdir -p "$WORK"
RESULTS=$WORK/results.jsonl
"$TARGET/countersign" init "$WORK/realm" >/dev/null
sed -i "s/address: \"[^\"]*\"/address: \"127.0.0.1:$PORT\"/" "$WORK/realm/countersign.yaml"
# The certificates that will be revoked belong to the analyst as well.
for round in $(seq "$ROUNDS"); do
    sed -i "s/{ mtls: { subject_cn: analyst } }/&, { mtls: { subject_cn: hit-$round } }/" "$WORK/realm/countersign.yaml"
done
printf 'limits: { max_connections: 20000, idle_timeout: 600s }\n' >>"$WORK/realm/countersign.yaml"

SERVER=
stop() { if [ -n "$SERVER" ]; then kill "$SERVER" 2>/dev/null || :; wait "$SERVER" 2>/dev/null || :; SERVER=; fi; }
trap stop EXIT
trap 'exit 130' INT TERM
for round in $(seq "$ROUNDS"); do
    echo "round $round of $ROUNDS" >&2
    "$TARGET/countersign" cert issue --realm "$WORK/realm" --cn "hit-$round" >/dev/null
    taskset -c "$SERVER_CORE" "$TARGET/countersign" serve --config "$WORK/realm/countersign.yaml" >"$WORK/log" 2>&1 &
    SERVER=$!
    for _ in $(seq 100); do
        if grep -q 'listening on' "$WORK/log"; then break; fi
        sleep 0.1
    done
    clients=$WORK/realm/clients
    taskset -c "$LOAD_CORE" "$TARGET/countersign-bench" revoke --addr "127.0.0.1:$PORT" --cacert "$WORK/realm/pki/server-ca.crt" \
        --cert "$clients/analyst.crt" --key "$clients/analyst.key" --hit-cert "$clients/hit-$round.crt" --hit-key "$clients/hit-$round.key" \
        --command "'$TARGET/countersign' cert revoke '$clients/hit-$round.crt' --realm '$WORK/realm' --reason superseded" \
        --conns "$CONNS" --hit "$HIT" --pid "$SERVER" --json >>"$RESULTS"
    stop
done
"$TARGET/countersign-bench" table "$RESULTS"
