use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use countersign_bench::process::Process;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::Failure;
use crate::options::Load;
use crate::report::Report;

/// Failures after which a measurement is hopeless and stops.
const TOO_MANY_FAILURES: u64 = 10_000;

/// What the workers of one measurement share: whether it counts now, whether it is over, and what was seen.
#[derive(Default)]
pub(crate) struct Window {
    counting: Cell<bool>,
    over: Cell<bool>,
    micros: RefCell<Vec<u32>>,
    failures: Cell<u64>,
    first_failure: RefCell<Option<String>>,
}

impl Window {
    /// Whether workers should go on.
    pub(crate) fn open(&self) -> bool {
        !self.over.get()
    }

    /// Notes an operation that began at `begin` and succeeded now.
    pub(crate) fn succeeded(&self, begin: Instant) {
        if self.counting.get() {
            let micros = u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX);
            self.micros.borrow_mut().push(micros);
        }
    }

    /// Notes a failure, then waits a little: a server that is down is not helped by being asked faster.
    pub(crate) async fn failed(&self, cause: impl std::fmt::Display) {
        if !self.open() {
            return;
        }
        self.failures.set(self.failures.get() + 1);
        self.first_failure.borrow_mut().get_or_insert_with(|| cause.to_string());
        if self.failures.get() >= TOO_MANY_FAILURES {
            self.over.set(true);
        }
        sleep(Duration::from_millis(5)).await;
    }

    pub(crate) fn failures(&self) -> (u64, Option<String>) {
        (self.failures.get(), self.first_failure.borrow().clone())
    }
}

/// Runs `load.conns` workers through the warm-up and the seconds that count.
pub(crate) async fn measure<W, F>(mode: &str, load: &Load, worker: W) -> Result<Report, Failure>
where
    W: Fn(Rc<Window>, usize) -> F,
    F: Future<Output = ()> + 'static,
{
    let server = load.target.pid.map(Process::new).transpose()?;
    let window = Rc::new(Window::default());
    let workers: Vec<_> =
        (0..load.conns).map(|number| spawn_local(worker(window.clone(), number as usize))).collect();
    sleep(Duration::from_secs(load.warm)).await;
    let (begin, cpu) = (Instant::now(), server.map(|server| server.cpu_seconds()));
    window.counting.set(true);
    sleep(Duration::from_secs(load.secs)).await;
    window.counting.set(false);
    let (wall, cpu_after) = (begin.elapsed().as_secs_f64(), server.map(|server| server.cpu_seconds()));
    window.over.set(true);
    for worker in workers {
        worker.abort();
    }
    let micros = window.micros.take();
    let cpu = cpu.zip(cpu_after).map(|(before, after)| after - before);
    let (failures, first_failure) = window.failures();
    Ok(Report::of_load(mode, &load.target.label, wall, micros, cpu).with_failures(failures, first_failure))
}
