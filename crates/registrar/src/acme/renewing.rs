//! When a certificate should be renewed (RFC 9773).

use authority::{Renewal, Window};
use ledger::{CertificateRecord, State};
use time::OffsetDateTime;
use wire::acme::{CertId, Problem, shown};

use super::clerk::Clerk;
use super::ordering::nothing;
use super::reply::{self, Reply, unrecorded};

impl Clerk {
    /// `renewalInfo`: for everybody, about what everybody sees in a handshake.
    pub(super) async fn renewal(&self, certificate: &str) -> Result<Reply, Problem> {
        let id = self.certificate_id(&CertId::parse(certificate)?).ok_or_else(nothing)?;
        let record = self.ledger.certificate(id).await.map_err(unrecorded)?.ok_or_else(nothing)?;
        let profile = self.issuing.profiles.get(&record.draft.profile);
        let renewal = profile.unwrap_or(&self.settings.profile).renewal();
        let Window { start, end } = window(&record, renewal, self.now).ok_or_else(nothing)?;
        let suggested_window = shown::Window {
            start: reply::moment(start.unix_timestamp()),
            end: reply::moment(end.unix_timestamp()),
        };
        let mut reply = reply::object(&shown::RenewalInfo { suggested_window })?;
        reply::retry_after(&mut reply, LOOK_AGAIN_SECONDS);
        Ok(reply)
    }
}

/// As its profile says; for one that was taken back, at once. Nothing for what was never issued.
fn window(record: &CertificateRecord, renewal: &Renewal, now: OffsetDateTime) -> Option<Window> {
    match record.state {
        State::Drafted | State::Abandoned => None,
        State::Revoked => Some(Window::now(now)),
        State::Issued => Some(renewal.window(record.draft.not_before, record.draft.not_after)),
    }
}

/// As RFC 9773 §4.3 proposes.
const LOOK_AGAIN_SECONDS: u32 = 6 * 60 * 60;
