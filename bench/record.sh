#!/bin/sh
# Measures, on this machine, what a million certificates on record cost: issuing and revoking beside an empty ledger, and the memory
# of a node that serves a realm with that ledger beside one with its own few.
#
# BENCH_ROWS (1000000), BENCH_REVOKED (a tenth), BENCH_ROUNDS (5) and BENCH_MILLIS (2000) as in benches/ledger.rs. WORK
# (./target/bench-record) keeps the ledger for another run; about 4 GB are needed. Run it while nothing else does.
set -eu
cd "$(dirname "$0")/.."
WORK=${WORK:-$PWD/target/bench-record} PORT=${PORT:-28447}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}/release

cargo build --release --quiet -p countersign
mkdir -p "$WORK"
BENCH_FOLDER=$WORK cargo bench --quiet -p countersign-bench --bench ledger

SERVER=
stop() { if [ -n "$SERVER" ]; then kill "$SERVER" 2>/dev/null || :; wait "$SERVER" 2>/dev/null || :; SERVER=; fi; }
trap stop EXIT
trap 'exit 130' INT TERM
memory() { sed -n 's/^Vm\(RSS\|HWM\):[^0-9]*\([0-9]*\).*/\1 \2 KiB/p' "/proc/$SERVER/status" | paste -sd, -; }
for ledger in own full; do
    realm=$WORK/realm-$ledger
    rm -rf "$realm"
    "$TARGET/countersign" init "$realm" >/dev/null
    sed -i "s/address: \"[^\"]*\"/address: \"127.0.0.1:$PORT\"/" "$realm/countersign.yaml"
    # The realm's own certificates are on record in its own ledger; what is served from is the full one.
    if [ "$ledger" = full ]; then cp "$WORK/full.db" "$realm/state/ledger.db"; rm -f "$realm/state/ledger.db-wal" "$realm/state/ledger.db-shm"; fi
    "$TARGET/countersign" serve --config "$realm/countersign.yaml" >"$WORK/log" 2>&1 &
    SERVER=$!
    for _ in $(seq 300); do
        if grep -q 'listening on' "$WORK/log"; then break; fi
        sleep 0.1
    done
    sleep 2
    echo "node on the $ledger ledger, before its first client: $(memory)"
    "$TARGET/countersign" query ledger --as admin --realm "$realm" --url "https://localhost:$PORT" \
        "SELECT state, count(*) FROM certificates GROUP BY state" >/dev/null
    echo "node on the $ledger ledger, after a count of all:    $(memory)"
    stop
done
