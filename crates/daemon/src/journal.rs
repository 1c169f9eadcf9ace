//! Where the gateway's reports go: access lines to the log, audit events to the ledger.

use std::sync::Arc;

use config::{AuditPlan, LogFormat};
use gateway::{AccessLine, AuditEvent, AuditKind, Journal};

use crate::auditor::{self, Auditor};
use crate::log::{self, Sink};

/// The journal of one node.
pub(crate) struct NodeJournal {
    sink: Arc<Sink>,
    format: LogFormat,
    access: bool,
    audit: AuditPlan,
    auditor: Option<Auditor>,
}

impl NodeJournal {
    pub(crate) fn new(
        sink: Arc<Sink>,
        logging: &config::LoggingPlan,
        audit: AuditPlan,
        auditor: Option<Auditor>,
    ) -> Self {
        Self { sink, format: logging.format, access: logging.access, audit, auditor }
    }
}

impl Journal for NodeJournal {
    fn access(&self, line: &AccessLine<'_>) {
        if self.access {
            self.sink.append(|lines| log::write_access(lines, self.format, line));
        }
    }

    fn audit(&self, event: &AuditEvent<'_>) {
        let wanted = match event.kind {
            AuditKind::SignIn => self.audit.successful,
            AuditKind::Refusal => self.audit.failed,
        };
        match &self.auditor {
            _ if !wanted => {}
            Some(auditor) => auditor.record(event),
            None => auditor::log(event),
        }
    }
}
