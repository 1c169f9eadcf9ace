//! What issuing and revoking cost with a million certificates on record, and with none.
//!
//! ```text
//! cargo bench -p countersign-bench --bench ledger                     both ledgers in turn, round after round
//! cargo bench -p countersign-bench --bench ledger -- postgresql       the same with ledgers on a PostgreSQL of its own
//! cargo bench -p countersign-bench --bench ledger -- fill FILE        puts the certificates on record in this ledger
//! cargo bench -p countersign-bench --bench ledger -- known            what a node keeps on its own disk of every revocation
//! ```
//!
//! `BENCH_ROWS` (1000000) certificates are put on record, `BENCH_REVOKED` (a tenth of them) revoked; `BENCH_ROUNDS` (5) rounds of
//! `BENCH_MILLIS` (2000) are measured on each. `BENCH_FOLDER` keeps the ledgers for another run.
//! `bench/record.sh` runs all of it, with the memory of a node on the full ledger.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

#[path = "ledger/desk.rs"]
mod desk;
#[path = "ledger/fill.rs"]
mod fill;
#[path = "ledger/known.rs"]
mod known;
#[path = "ledger/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_bench::stopwatch::Spread;
use ledger::{Ledger, SqliteLedger};
use tokio::runtime::{Builder, Runtime};

use crate::desk::{Act, Desk};
use crate::fill::fill;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["fill", file] => {
            runtime.block_on(filled(file, &sqlite(Path::new(file))));
        }
        ["known"] => known::measure(number("BENCH_ROWS", 1_000_000) as u32),
        ["postgresql"] => on_postgresql(&runtime),
        [] => in_files(&runtime),
        other => panic!("{other:?}: postgresql, fill FILE, known, or nothing"),
    }
}

fn sqlite(file: &Path) -> Arc<SqliteLedger> {
    Arc::new(SqliteLedger::open(file).unwrap())
}

/// Puts as many certificates on record as there are to be.
async fn filled(name: &str, ledger: &Arc<impl Ledger + 'static>) {
    let rows = number("BENCH_ROWS", 1_000_000);
    let started = Instant::now();
    let added = fill(ledger, rows, number("BENCH_REVOKED", rows / 10)).await;
    eprintln!("{name}: {added} put on record in {:.0} s", started.elapsed().as_secs_f32());
}

fn in_files(runtime: &Runtime) {
    let kept = std::env::var_os("BENCH_FOLDER").map(PathBuf::from);
    let passing = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = kept.as_deref().unwrap_or(passing.path());
    std::fs::create_dir_all(folder).unwrap();
    let (empty, full) = (sqlite(&passing.path().join("empty.db")), sqlite(&folder.join("full.db")));
    runtime.block_on(filled("full.db", &full));
    compare(runtime, empty, full);
}

fn on_postgresql(runtime: &Runtime) {
    let server = server::start();
    let (empty, full) = (server.database(), server.database());
    let (one, other) = runtime
        .block_on(async { (server::ledger(&server, &empty).await, server::ledger(&server, &full).await) });
    runtime.block_on(filled("PostgreSQL", &other));
    // As the server's own housekeeping has it after a while; in the middle of a round it would be measured.
    server.sql(&full, "VACUUM ANALYZE");
    compare(runtime, one, other);
}

/// Both ledgers in turn, so that whatever else the machine does concerns both.
fn compare(runtime: &Runtime, empty: Arc<dyn Ledger>, full: Arc<dyn Ledger>) {
    let desks =
        [("none on record", Desk::open(runtime, empty)), ("all on record", Desk::open(runtime, full))];
    println!("{:<34} {:<16} {:>24} {:>24} {:>14}", "case", "ledger", "p50", "p99", "per second");
    for callers in [1, 16, 256] {
        let work = |desk: &Arc<Desk>, end| runtime.block_on(Desk::work(desk, Act::Issue, callers, end));
        measure(&format!("issue from a CSR, {callers} at once"), &desks, work);
    }
    for callers in [1, 16] {
        let work = |desk: &Arc<Desk>, end| runtime.block_on(Desk::work(desk, Act::Revoke, callers, end));
        measure(&format!("revoke, {callers} at once"), &desks, work);
    }
    for (_, desk) in &desks {
        runtime.block_on(desk.close());
    }
}

/// What one round came to, in microseconds each.
struct Round {
    p50: f64,
    p99: f64,
    rate: f64,
}

fn measure(case: &str, desks: &[(&str, Arc<Desk>); 2], work: impl Fn(&Arc<Desk>, Instant) -> Vec<u32>) {
    let length = Duration::from_millis(number("BENCH_MILLIS", 2_000));
    for (_, desk) in desks {
        work(desk, Instant::now() + length / 4);
    }
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..number("BENCH_ROUNDS", 5) {
        for ((_, desk), rounds) in desks.iter().zip(&mut rounds) {
            let begin = Instant::now();
            let mut micros = work(desk, begin + length);
            let wall = begin.elapsed().as_secs_f64();
            micros.sort_unstable();
            let at = |percent: usize| f64::from(micros[(micros.len() * percent / 100).min(micros.len() - 1)]);
            rounds.push(Round { p50: at(50), p99: at(99), rate: micros.len() as f64 / wall });
        }
    }
    for ((ledger, _), rounds) in desks.iter().zip(&rounds) {
        let shown = |of: fn(&Round) -> f64| {
            let spread = Spread::of(rounds.iter().map(of));
            format!("{:.2} ms ({:.2}–{:.2})", spread.median / 1e3, spread.least / 1e3, spread.most / 1e3)
        };
        let rate = Spread::of(rounds.iter().map(|round| round.rate)).median;
        let (p50, p99) = (shown(|round| round.p50), shown(|round| round.p99));
        println!("{case:<34} {ledger:<16} {p50:>24} {p99:>24} {rate:>14.0}");
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
