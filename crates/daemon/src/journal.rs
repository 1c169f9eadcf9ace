//! Where the gateway's reports go: access lines to the log, audit events to the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use config::{AuditPlan, LogFormat, LoggingPlan};
use gateway::{AccessLine, AuditEvent, AuditKind, Journal};

use crate::auditor::{self, Auditor};
use crate::log::{self, Sink};

/// The journal of one node.
pub(crate) struct NodeJournal {
    sink: Arc<Sink>,
    format: LogFormat,
    switches: Arc<Switches>,
    auditor: Option<Arc<Auditor>>,
}

/// What is reported, to be changed while the node runs.
pub(crate) struct Switches {
    access: AtomicBool,
    successful: AtomicBool,
    failed: AtomicBool,
}

impl Switches {
    pub(crate) fn new(logging: &LoggingPlan, audit: &AuditPlan) -> Self {
        Self {
            access: AtomicBool::new(logging.access),
            successful: AtomicBool::new(audit.successful),
            failed: AtomicBool::new(audit.failed),
        }
    }

    pub(crate) fn set(&self, logging: &LoggingPlan, audit: &AuditPlan) {
        self.access.store(logging.access, Ordering::Relaxed);
        self.successful.store(audit.successful, Ordering::Relaxed);
        self.failed.store(audit.failed, Ordering::Relaxed);
    }
}

impl NodeJournal {
    pub(crate) fn new(
        sink: Arc<Sink>,
        format: LogFormat,
        switches: Arc<Switches>,
        auditor: Option<Arc<Auditor>>,
    ) -> Self {
        Self { sink, format, switches, auditor }
    }
}

impl Journal for NodeJournal {
    fn access(&self, line: &AccessLine<'_>) {
        if self.switches.access.load(Ordering::Relaxed) {
            self.sink.append(|lines| log::write_access(lines, self.format, line));
        }
    }

    fn audit(&self, event: &AuditEvent<'_>) {
        let wanted = match event.kind {
            AuditKind::SignIn | AuditKind::SessionStart | AuditKind::SessionOver => {
                self.switches.successful.load(Ordering::Relaxed)
            }
            AuditKind::Refusal => self.switches.failed.load(Ordering::Relaxed),
            AuditKind::SessionEnd | AuditKind::Admin => true,
        };
        match &self.auditor {
            _ if !wanted => {}
            Some(auditor) => auditor.record(event),
            None => auditor::log(event),
        }
    }
}
