//! What a certificate in a principal's name costs whoever waits for it: key, draft, lint, durable record, signature.
//!
//! ```text
//! cargo bench -p countersign-bench --bench mint
//! ```
//!
//! `BENCH_PRINCIPALS` (1000) different principals ask, in `BENCH_ROUNDS` (5) rounds, and none of them has one yet: in the same
//! instant, and as fast as the door lets them in (`BENCH_ARRIVALS` handshakes a second, 1000; on the same two cores each client
//! takes its own share, and so does the server behind the door). The ledger is an SQLite file on a disk, synced for every answer.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use authority::{Authority, IssuerKind, Standing, Tier, init_root};
use countersign_bench::stopwatch::{Spread, Stopwatch};
use gateway::Minting;
use ledger::{Ledger, SqliteLedger};
use registrar::{EnrolmentRules, Issuing, PublishedMetrics, Registrar};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};
use transport::TestClock;

const NOW: OffsetDateTime = time::macros::datetime!(2026-06-01 12:00 UTC);

fn main() {
    let stopwatch = Stopwatch::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let (ledger, minting) = runtime.block_on(opened(folder.path()));
    runtime.block_on(minting.mint("analyst")).unwrap();
    stopwatch.each("one that is kept", || runtime.block_on(minting.mint("analyst")).unwrap());

    let arrivals = number("BENCH_ARRIVALS", 1000);
    println!("{:<62} {:>24} {:>24} {:>14}", "case", "p50", "p99", "per second");
    measure(&runtime, &minting, "one after the other", |_| None);
    measure(&runtime, &minting, "in the same instant", |_| Some(Duration::ZERO));
    let case = format!("{arrivals} a second");
    measure(&runtime, &minting, &case, |turn| Some(Duration::from_secs(1) * turn / arrivals));
    runtime.block_on(ledger.close()).unwrap();
}

async fn opened(folder: &std::path::Path) -> (Arc<SqliteLedger>, Arc<dyn Minting>) {
    let ledger = Arc::new(SqliteLedger::open(&folder.join("ledger.db")).unwrap());
    let root = init_root(&Tier::root("bench"), &*ledger, NOW).await.unwrap();
    let root = Authority::new(vec![root.certificate], &root.key, Standing::ByHand, None, NOW).unwrap();
    let made = root.init_issuer(IssuerKind::Client, &Tier::issuer("bench"), &*ledger, NOW).await.unwrap();
    let issuer = Authority::new(vec![made.certificate], &made.key, Standing::Issuer, None, NOW).unwrap();
    let issuing = Issuing {
        environment: "bench".to_owned(),
        root: None,
        issuers: BTreeMap::from([("client".to_owned(), Arc::new(issuer))]),
        retiring: BTreeMap::new(),
        profiles: BTreeMap::new(),
        services: BTreeSet::new(),
        rotation: Default::default(),
        provision_required: false,
        crl_lifetime: time::Duration::DAY,
        shard_entries: 50_000,
        ocsp_lifetime: time::Duration::HOUR,
        root_list: None,
        root_responder: None,
        enrolment: EnrolmentRules {
            per_minute: 0,
            most_invitations: 0,
            longest_invitation: time::Duration::DAY,
        },
        presented: BTreeMap::new(),
        acme: None,
        state: folder.to_owned(),
    };
    let kept: Arc<dyn Ledger> = Arc::<SqliteLedger>::clone(&ledger);
    let registrar =
        Registrar::new(Some(kept), Arc::new(TestClock::at(NOW)), issuing, PublishedMetrics::default());
    let minting = Arc::new(registrar).minting(time::Duration::minutes(5)).unwrap();
    (ledger, minting)
}

/// Milliseconds that each principal of a round waited, and how many were served in a second.
struct Round {
    waited: Vec<f64>,
    rate: f64,
}

/// `starts` says when each principal comes; where it says nothing, each comes after the one before.
fn measure(
    runtime: &Runtime,
    minting: &Arc<dyn Minting>,
    case: &str,
    starts: impl Fn(u32) -> Option<Duration>,
) {
    let principals = number("BENCH_PRINCIPALS", 1000);
    let round = |round: u32| {
        let begin = Instant::now();
        let mut waited = runtime.block_on(async {
            let (mut asking, mut waited) = (Vec::new(), Vec::new());
            for turn in 0..principals {
                let (minting, name) = (Arc::clone(minting), format!("{case} {round} {turn}"));
                match starts(turn) {
                    None => waited.push(ask(minting, name, Instant::now()).await),
                    Some(after) => {
                        let at = begin + after;
                        asking.push(tokio::spawn(async move {
                            tokio::time::sleep_until(at.into()).await;
                            ask(minting, name, at).await
                        }));
                    }
                }
            }
            for asking in asking {
                waited.push(asking.await.unwrap());
            }
            waited
        });
        let rate = f64::from(principals) / begin.elapsed().as_secs_f64();
        waited.sort_by(f64::total_cmp);
        Round { waited, rate }
    };
    let rounds: Vec<Round> = (0..number("BENCH_ROUNDS", 5)).map(round).collect();
    let shown = |percent: usize| {
        let at =
            |round: &Round| round.waited[(round.waited.len() * percent / 100).min(round.waited.len() - 1)];
        let spread = Spread::of(rounds.iter().map(at));
        format!("{:.2} ms ({:.2}–{:.2})", spread.median, spread.least, spread.most)
    };
    let rate = Spread::of(rounds.iter().map(|round| round.rate)).median;
    println!("{case:<62} {:>24} {:>24} {rate:>14.0}", shown(50), shown(99));
}

async fn ask(minting: Arc<dyn Minting>, name: String, at: Instant) -> f64 {
    minting.mint(&name).await.unwrap();
    at.elapsed().as_secs_f64() * 1e3
}

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
