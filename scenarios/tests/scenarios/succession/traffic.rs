//! Clients that ask without end, and put down each time that they are refused.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use testkit::Curl;
use testkit::patience::wait_for;

/// The files of one client.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) trusted: PathBuf,
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// Several ways to ask with the same files.
pub(crate) struct Traffic {
    visitor: Mutex<Visitor>,
    asked: AtomicUsize,
    refused: Mutex<Vec<String>>,
    done: AtomicBool,
}

/// Says that it is over, also where a test fails: nobody waits for ever.
pub(crate) struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Traffic {
    pub(crate) fn new(visitor: Visitor) -> Self {
        Self {
            visitor: Mutex::new(visitor),
            asked: AtomicUsize::new(0),
            refused: Mutex::default(),
            done: AtomicBool::new(false),
        }
    }

    pub(crate) fn done(&self) -> Done<'_> {
        Done(&self.done)
    }

    /// From the next request on with other files.
    pub(crate) fn becomes(&self, visitor: Visitor) {
        *locked(&self.visitor) = visitor;
    }

    /// Waits until some more requests were answered.
    pub(crate) fn goes_on(&self) {
        let asked = || self.asked.load(Ordering::Relaxed);
        let before = asked();
        wait_for(
            "three more requests",
            || format!("{} asked, refused: {:?}", asked(), self.refused()),
            || (asked() >= before + 3).then_some(()),
        );
    }

    /// What was refused, in the clients' words.
    pub(crate) fn refused(&self) -> Vec<String> {
        locked(&self.refused).clone()
    }

    /// New connections by curl.
    pub(crate) fn curl(&self, port: u16) {
        self.ask(|Visitor { trusted, cert, key }| {
            let answer = Curl::at(port, "localhost").cacert(trusted).cert(cert, key).sql("app", "SELECT 1");
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        });
    }

    /// New connections by `countersign query`.
    pub(crate) fn query(&self, port: u16) {
        let url = format!("https://localhost:{port}");
        self.ask(|Visitor { trusted, cert, key }| {
            let mut command = testkit::binary::command(["query", "app", "SELECT 1", "--url", &url]);
            for (flag, path) in [("--cacert", trusted), ("--cert", cert), ("--key", key)] {
                command.arg(flag).arg(path);
            }
            let ran = testkit::Ran::from(&mut command, b"");
            if ran.code == Some(0) { Ok(()) } else { Err(ran.said()) }
        });
    }

    fn ask(&self, once: impl Fn(&Visitor) -> Result<(), String>) {
        while !self.done.load(Ordering::Relaxed) {
            let visitor = locked(&self.visitor).clone();
            if let Err(said) = once(&visitor) {
                locked(&self.refused).push(said);
            }
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
