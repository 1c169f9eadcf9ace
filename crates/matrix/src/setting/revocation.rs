//! What is revoked in the rehearsal, in the words of the configuration and in the sources that it names.

use std::path::Path;
use std::time::Duration;

use config::{DeniedSerial, RevocationPlan};
use fault::Fault;
use identity::{CrlCheck, OcspCheck, OutdatedCrl, RevocationReason, Verification};
use ledger::{DraftRecord, IssuerName, Ledger as _, LedgerError, SqliteLedger};
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{LIST, Setting};
use crate::case::Source;
use crate::moment::Stage;
use crate::rules::has_list;
use crate::stand_in::{Leaf, StandIn, unmade};

impl Setting<'_> {
    /// A profile's section: the user's policy, with the rehearsal's list and serial numbers.
    pub(super) fn revocation(&self, plan: &RevocationPlan, stage: Stage) -> Value {
        let denied = self.cast.revoked(Source::DenyList, stage);
        let denied = denied.map(
            |(leaf, issuer)| json!({ "serial": leaf.serial.to_string(), "issuer": issuer.pin().to_string() }),
        );
        let mut section = json!({
            "revoked_serials": plan.revoked_serials.iter().map(own).chain(denied).collect::<Vec<_>>(),
        });
        let Value::Object(keys) = &mut section else { return section };
        if has_list(plan) {
            keys.insert("crl_files".to_owned(), json!([LIST]));
            keys.extend(outdated(plan.policy.outdated));
        }
        if let Some(asked) = &plan.policy.verification {
            keys.insert("verification".to_owned(), verification(asked, plan));
        }
        section
    }

    /// The list of what the trusted authority has revoked by then: in a file, and where it can be fetched.
    pub(super) fn lists(&self, stage: Stage) -> Result<(), Fault> {
        let trusted = self.cast.trusted(stage);
        let list = |source| trusted.list(&self.list(source, stage)).map_err(unmade("a revocation list"));
        self.cast.publish(trusted, list(Source::Fetched)?.der().to_vec());
        let pem = list(Source::List)?.pem().map_err(unmade("a revocation list"))?;
        files::write_public(&self.file(LIST), pem.as_bytes())
    }

    fn list(&self, source: Source, stage: Stage) -> CertificateRevocationListParams {
        let trusted = self.cast.trusted(stage).pin();
        let revoked = self.cast.revoked(source, stage).filter(|(_, issuer)| issuer.pin() == trusted);
        CertificateRevocationListParams {
            this_update: self.now - time::Duration::hours(1),
            next_update: self.now + time::Duration::days(7),
            crl_number: SerialNumber::from(stage as u64 + 1),
            issuing_distribution_point: None,
            revoked_certs: revoked.map(|(leaf, _)| self.entry(leaf)).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
    }

    fn entry(&self, leaf: &Leaf) -> RevokedCertParams {
        RevokedCertParams {
            serial_number: SerialNumber::from_slice(leaf.serial.bytes()),
            revocation_time: self.now - time::Duration::minutes(5),
            reason_code: Some(rcgen::RevocationReason::KeyCompromise),
            invalidity_date: None,
        }
    }

    /// Puts on the node's record what its own authority has revoked by then.
    pub(super) fn recorded(&self, stage: Stage) -> Result<(), Fault> {
        let path = self.ledger();
        let revoked: Vec<_> = self.cast.revoked(Source::Ledger, stage).collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Fault::theirs("cannot start the runtime").because(error))?;
        runtime.block_on(record(&path, &revoked, self.now))
    }
}

async fn record(path: &Path, revoked: &[(&Leaf, &StandIn)], now: OffsetDateTime) -> Result<(), Fault> {
    let cannot = |error| Fault::theirs("the rehearsal's ledger takes no revocation").because(error);
    let ledger = SqliteLedger::open(path)?;
    for (leaf, issuer) in revoked {
        let draft = draft(leaf, issuer, now);
        let id = draft.id();
        match ledger.record(draft).await {
            Ok(()) => {}
            // Revoked at the stage before.
            Err(LedgerError::Duplicate(_)) => continue,
            Err(error) => return Err(cannot(error)),
        }
        ledger.complete(id.clone(), leaf.der().to_vec(), now).await.map_err(cannot)?;
        ledger.revoke(id, RevocationReason::KeyCompromise, now).await.map_err(cannot)?;
    }
    ledger.close().await.map_err(cannot)
}

fn draft(leaf: &Leaf, issuer: &StandIn, now: OffsetDateTime) -> DraftRecord {
    let names = &leaf.facts.names;
    DraftRecord {
        serial: leaf.serial.clone(),
        issuer: IssuerName { name: issuer.name(), key: issuer.pin() },
        profile: "client".to_owned(),
        subject: names.common_name.clone().unwrap_or_default(),
        common_name: names.common_name.clone(),
        sans: Vec::new(),
        spki: leaf.facts.spki,
        not_before: now,
        not_after: now + time::Duration::days(30),
        drafted_at: now,
    }
}

fn own(denied: &DeniedSerial) -> Value {
    let serial = denied.serial.to_string();
    match &denied.issuer {
        Some(issuer) => json!({ "serial": serial, "issuer": issuer.to_string() }),
        None => json!(serial),
    }
}

fn outdated(outdated: OutdatedCrl) -> Vec<(String, Value)> {
    let (word, grace) = match outdated {
        OutdatedCrl::FailClosed => ("fail-closed", None),
        OutdatedCrl::FailOpen => ("fail-open", None),
        OutdatedCrl::Grace(grace) => ("grace", Some(grace)),
    };
    let grace = grace.map(|grace| ("grace".to_owned(), json!(milliseconds(grace))));
    std::iter::once(("outdated".to_owned(), json!(word))).chain(grace).collect()
}

/// The user's strictness. What the stand-ins publish is on this machine, so its addresses are allowed.
pub(super) fn verification(asked: &Verification, plan: &RevocationPlan) -> Value {
    json!({
        "failure_mode": asked.failure_mode.as_str(),
        "check_intermediates": asked.check_intermediates,
        "allow_private_addresses": true,
        "max_bytes": plan.max_bytes,
        "crl": asked.crl.as_ref().map_or(json!(false), crl),
        "ocsp": asked.ocsp.as_ref().map_or(json!(false), ocsp),
    })
}

fn crl(check: &CrlCheck) -> Value {
    json!({
        "timeout": milliseconds(check.timeout),
        "cache_ttl": milliseconds(check.cache_ttl),
        "grace": milliseconds(check.grace),
        "failure_mode": check.failure_mode.as_str(),
    })
}

fn ocsp(check: &OcspCheck) -> Value {
    json!({
        "timeout": milliseconds(check.timeout),
        "cache_ttl": milliseconds(check.cache_ttl),
        "error_cache_ttl": milliseconds(check.error_cache_ttl),
        "failure_mode": check.failure_mode.as_str(),
    })
}

pub(super) fn milliseconds(span: Duration) -> String {
    format!("{}ms", span.as_millis())
}
