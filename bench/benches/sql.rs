//! What a statement costs from the request's JSON to the answer's: no network, no HTTP, no door.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot be set up has nothing to measure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use countersign_bench::stopwatch::Stopwatch;
use database::{Backend, Database, Limits, OpenMode, Reach, Settings};
use tokio::runtime::Builder;
use wire::sql::Request;

const ROWS: u64 = 100_000;

fn main() {
    let stopwatch = Stopwatch::start();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let path = folder.path().join("bench.db");
    let settings = Settings {
        name: "bench".into(),
        backend: Backend::File { path, mode: OpenMode::Rwc },
        recommended_pragmas: true,
        readers: 2,
    };
    let desk = Arc::new(Desk { database: Database::open(settings).unwrap(), limits: Limits::default() });
    runtime.block_on(desk.fill());

    stopwatch.each("read a request from JSON", || Request::parse(point_select(7).as_bytes()).unwrap());
    for case in CASES {
        let bodies: Arc<Vec<String>> = Arc::new((0..1024).map(case.body).collect());
        for callers in case.callers {
            let name = format!("{}, {callers} at once", case.name);
            stopwatch
                .until(&name, |end| runtime.block_on(Desk::work(&desk, case.reach, &bodies, *callers, end)));
        }
    }
    runtime.block_on(desk.database.close());
}

struct Case {
    name: &'static str,
    reach: Reach,
    callers: &'static [usize],
    body: fn(u64) -> String,
}

const CASES: [Case; 4] = [
    Case { name: "point SELECT", reach: Reach::ReadOnly, callers: &[1, 64], body: point_select },
    Case { name: "SELECT of 1,000 rows", reach: Reach::ReadOnly, callers: &[1], body: long_select },
    Case { name: "INSERT, durable", reach: Reach::ReadWrite, callers: &[1, 64], body: insert },
    Case { name: "batch of 100 INSERTs, durable", reach: Reach::ReadWrite, callers: &[1, 64], body: batch },
];

fn point_select(turn: u64) -> String {
    let id = 1 + turn.wrapping_mul(2_654_435_761) % ROWS;
    format!(r#"{{"sql":"SELECT id, name, val FROM t WHERE id = ?1","args":[{id}]}}"#)
}

fn long_select(_: u64) -> String {
    r#"{"sql":"SELECT id, name, val FROM t LIMIT 1000"}"#.to_owned()
}

fn insert(turn: u64) -> String {
    format!(r#"{{"sql":"INSERT INTO log (what) VALUES (?1)","args":["event {turn}"]}}"#)
}

fn batch(turn: u64) -> String {
    format!(r#"{{"statements":[{}]}}"#, vec![insert(turn); 100].join(","))
}

struct Desk {
    database: Database,
    limits: Limits,
}

impl Desk {
    async fn fill(&self) {
        let body = format!(
            r#"{{"statements":[
              {{"sql":"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, val REAL NOT NULL)"}},
              {{"sql":"CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT NOT NULL)"}},
              {{"sql":"INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {ROWS}) SELECT i, 'name-' || i, i * 0.5 FROM c"}}]}}"#
        );
        self.run(Reach::ReadWrite, &body).await;
    }

    async fn run(&self, reach: Reach, body: &str) -> Vec<u8> {
        let request = Request::parse(body.as_bytes()).unwrap();
        self.database.run(reach, request, &self.limits).await.unwrap()
    }

    /// `callers` tasks that each send one request after the other until `end`.
    async fn work(
        desk: &Arc<Self>,
        reach: Reach,
        bodies: &Arc<Vec<String>>,
        callers: usize,
        end: Instant,
    ) -> u64 {
        let done = Arc::new(AtomicU64::new(0));
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let (desk, bodies, done) = (desk.clone(), bodies.clone(), done.clone());
                tokio::spawn(async move {
                    let mut turn = caller * 31;
                    let mut count = 0;
                    while Instant::now() < end {
                        std::hint::black_box(desk.run(reach, &bodies[turn % bodies.len()]).await);
                        turn += 1;
                        count += 1;
                    }
                    done.fetch_add(count, Ordering::Relaxed);
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        done.load(Ordering::Relaxed)
    }
}
