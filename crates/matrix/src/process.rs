//! The node under test: this very program, as a process of its own.

mod log;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use fault::Fault;
use ledger::{AuditFilter, AuditKind, Ledger as _, SqliteLedger};
use rustix::process::{Pid, Signal, kill_process};

use self::log::Log;
use crate::moment::Stage;
use crate::setting::Setting;
use crate::target::Target;

/// A node on free ports of this machine; killed when dropped.
pub(crate) struct Process<'a> {
    setting: Setting<'a>,
    child: Child,
    log: Log,
    addresses: HashMap<String, SocketAddr>,
}

impl<'a> Process<'a> {
    /// Starts the program and waits until it listens.
    pub(crate) fn start(binary: &Path, setting: Setting<'a>) -> Result<Self, Fault> {
        setting.write(Stage::Started)?;
        let cannot = |error| Fault::theirs("the node under test cannot be started").because(error);
        let mut child = command(binary, &setting).spawn().map_err(cannot)?;
        let log = Log::of(&mut child);
        let mut process = Self { setting, child, log, addresses: HashMap::new() };
        let listeners = &process.setting.plan.listeners;
        let heard = process.await_lines(listeners.len())?;
        let named = process.setting.plan.listeners.iter().map(|listener| listener.name.clone()).zip(heard);
        process.addresses = named.collect();
        Ok(process)
    }

    /// The addresses that it announces, in the order of its listeners.
    fn await_lines(&mut self, count: usize) -> Result<Vec<SocketAddr>, Fault> {
        self.until("the node under test does not listen", |process| {
            let heard: Vec<SocketAddr> = process.log.announced();
            (heard.len() >= count).then_some(heard)
        })
    }

    /// Waits for a condition while the node lives.
    fn until<T>(
        &mut self,
        otherwise: &str,
        mut condition: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, Fault> {
        let mut left = PATIENCE;
        loop {
            if let Some(value) = condition(self) {
                return Ok(value);
            }
            let ended = self.child.try_wait().ok().flatten();
            if ended.is_some() || left.is_zero() {
                let why = ended.map_or_else(|| "it took too long".to_owned(), |status| status.to_string());
                return Err(Fault::theirs(otherwise).because(why).because(self.log.last_words()));
            }
            thread::sleep(PAUSE);
            left = left.saturating_sub(PAUSE);
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), Fault> {
        kill_process(Pid::from_child(&self.child), signal)
            .map_err(|error| Fault::theirs("the node under test cannot be signalled").because(error))
    }

    /// Lets it finish what it is doing, its record above all.
    fn stop(&mut self) -> Result<(), Fault> {
        self.signal(Signal::TERM)?;
        let mut left = PATIENCE;
        while self.child.try_wait().ok().flatten().is_none() {
            if left.is_zero() {
                return Err(Fault::theirs("the node under test does not stop"));
            }
            thread::sleep(PAUSE);
            left = left.saturating_sub(PAUSE);
        }
        Ok(())
    }
}

impl Target for Process<'_> {
    fn address(&self, listener: &str) -> Option<SocketAddr> {
        self.addresses.get(listener).copied()
    }

    fn advance(&mut self, stage: Stage) -> Result<(), Fault> {
        if stage == Stage::Started {
            return Ok(());
        }
        self.setting.write(stage)?;
        let before = self.log.reloads().len();
        self.signal(Signal::HUP)?;
        let told = self.until("the node under test does not reload", |process| {
            process.log.reloads().get(before).cloned()
        })?;
        match told.as_str() {
            "reload applied" => Ok(()),
            told => Err(Fault::theirs("the node under test did not take the change").because(told)),
        }
    }

    fn record(&mut self) -> Result<Option<HashMap<SocketAddr, String>>, Fault> {
        self.stop()?;
        let ledger = SqliteLedger::open(&self.setting.ledger())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Fault::theirs("cannot start the runtime").because(error))?;
        runtime.block_on(refusals(&ledger)).map(Some)
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// `serve` in the rehearsal's folder, with no setting of ours inherited from outside.
fn command(binary: &Path, setting: &Setting<'_>) -> Command {
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(setting.configuration()).current_dir(setting.folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Every refusal on record.
async fn refusals(ledger: &SqliteLedger) -> Result<HashMap<SocketAddr, String>, Fault> {
    let unreadable = |error| Fault::theirs("the record of the node under test cannot be read").because(error);
    let mut found = HashMap::new();
    let mut filter = AuditFilter { kind: Some(AuditKind::Refusal), ..AuditFilter::default() };
    loop {
        let page = ledger.audit_events(filter.clone()).await.map_err(unreadable)?;
        let one = |event: ledger::AuditEvent| Some((event.remote?, event.code?));
        found.extend(page.entries.into_iter().filter_map(one));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return Ok(found),
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);
