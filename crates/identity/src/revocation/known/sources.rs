//! What is asked, in words.

use time::OffsetDateTime;

use super::{List, Revocations};
use crate::verify::cause::clock;
use crate::{FailureMode, Verification};

impl Revocations {
    /// The sources that a certificate is looked for in, in the order in which they are asked, in words for an operator;
    /// last of all what happens to a certificate that none of them speaks of.
    #[must_use]
    pub fn sources(&self, now: OffsetDateTime) -> Vec<String> {
        let counted = |what: &str, count: usize| (count > 0).then(|| format!("{what}: {count} revoked"));
        let told = self.told.values().map(std::collections::HashMap::len).sum();
        let known = [
            counted("the deny-list", self.denied.len()),
            counted("our own ledger", self.recorded.len()),
            counted("what authorities' services told before", told),
        ];
        let lists = self.lists().map(|list| listed(list, now));
        let otherwise = otherwise(self.policy().verification.as_ref());
        known.into_iter().flatten().chain(lists).chain([otherwise]).collect()
    }
}

fn listed(list: &List, now: OffsetDateTime) -> String {
    let crl = list.crl();
    let number = crl.number().map(|number| format!("number {number}, ")).unwrap_or_default();
    let end = match crl.next_update() {
        Some(end) if end < now => format!("outdated since {}", clock(end)),
        Some(end) => format!("next update {}", clock(end)),
        None => "without a next update".to_owned(),
    };
    format!("{}: {number}of {}, {end}, {} revoked", list.source(), clock(crl.this_update()), crl.len())
}

fn otherwise(verification: Option<&Verification>) -> String {
    let Some(verification) = verification else {
        return "whoever no source names is let in".to_owned();
    };
    let asked = match (verification.crl.is_some(), verification.ocsp.is_some()) {
        (true, true) => "its authority is asked, by its list and then by OCSP",
        (true, false) => "its authority is asked, by its list",
        (false, true) => "its authority is asked, by OCSP",
        (false, false) => "nobody is asked",
    };
    let silence = match verification.failure_mode {
        FailureMode::FailClosed => "refused",
        FailureMode::FailOpen => "let in",
    };
    format!("where no list speaks of a certificate, {asked}; without an answer it is {silence}")
}
