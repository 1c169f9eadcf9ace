use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::options::Reload;

/// Every so many replacements the certificate and the key do not belong together.
const MISMATCHED: u32 = 10;

/// Replaces a server's certificate and key again and again and tells it each time, beside the load.
pub(super) struct Reloading {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    thread: thread::JoinHandle<io::Result<()>>,
}

impl Reloading {
    pub(super) fn start(reload: &Reload) -> Result<Self, Failure> {
        let pid = reload.load.target.pid.ok_or("reload needs --pid, the process id of the server")?;
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("--pid is no process id")?;
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (reload, until, count) = (reload.clone(), Arc::clone(&over), Arc::clone(&sent));
        let thread = thread::spawn(move || {
            let pause = Duration::from_secs(1) / reload.rate;
            let mut next = Instant::now();
            while !until.load(Ordering::Relaxed) {
                replace(&reload, count.load(Ordering::Relaxed))?;
                kill_process(pid, Signal::HUP)?;
                count.fetch_add(1, Ordering::Relaxed);
                next += pause;
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            Ok(())
        });
        Ok(Self { over, sent, thread })
    }

    /// Ends it, and says how often it was done.
    pub(super) fn end(self) -> Result<u32, Failure> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the replacing thread panicked")??;
        Ok(self.sent.load(Ordering::Relaxed))
    }
}

/// One of the two pairs in turn, and at times the certificate of one with the key of the other.
fn replace(reload: &Reload, turn: u32) -> io::Result<()> {
    let [one, two] = [&reload.one, &reload.two];
    let (cert, key) = match turn % MISMATCHED {
        0 => (one, two),
        odd if odd % 2 == 1 => (one, one),
        _ => (two, two),
    };
    put(&cert.with_extension("crt"), &reload.place.with_extension("crt"))?;
    put(&key.with_extension("key"), &reload.place.with_extension("key"))
}

/// Replaces a file whole; a copy keeps the mode.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new)?;
    fs::rename(new, to)
}
