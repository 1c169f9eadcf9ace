#!/bin/sh
# Measures, on this machine, from a revocation at one node to the last byte of a session at another, through PostgreSQL.
#
# It starts a PostgreSQL of its own (apt-get install postgresql) below TMPDIR (/tmp), which syncs to disk as it does everywhere.
# BENCH_REVOCATIONS (200) certificates are revoked one after the other. Run it while nothing else does.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --quiet -p countersign
COUNTERSIGN_BIN=${CARGO_TARGET_DIR:-$PWD/target}/release/countersign cargo bench --quiet -p countersign-bench --bench across
