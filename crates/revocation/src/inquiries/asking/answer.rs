//! Asking the responders of one certificate.

use std::sync::Arc;
use std::time::Instant;

use identity::{Asked, OcspCheck};

use super::Inner;
use crate::answers::AnswerSource;
use crate::fetch::Request;
use crate::rejected::Rejected;
use crate::subject::Found;

impl Inner {
    /// Asks the responders in turn, until one says whether the certificate is revoked.
    pub(super) async fn fetch_answer(self: &Arc<Self>, answer: &Arc<AnswerSource>) {
        let Some(check) = self.verification.ocsp else { return };
        let was_revoked = answer.is_revoked();
        let mut troubles = Vec::new();
        for url in &answer.urls {
            match self.ask_responder(answer, url, &check).await {
                Ok(()) => {
                    if let Some(ocsp) = answer.revoking() {
                        let (crl, now) = (Asked::NotAskable.into(), self.clock.now());
                        let found = Found { crl, ocsp };
                        self.past.taken_back.consider(found, &answer.subject, &answer.issuer, now);
                        if !was_revoked {
                            self.announce_change();
                        }
                    }
                    return;
                }
                Err(rejected) => troubles.push(rejected),
            }
        }
        let forged = troubles.iter().any(|rejected| rejected.forged);
        let why = troubles.into_iter().map(|rejected| rejected.why).collect::<Vec<_>>().join("; ");
        let (subject, now) = (answer.subject.identity(), self.clock.now());
        tracing::warn!(subject = %subject.subject(), serial = %subject.serial(), why, "no OCSP answer was obtained");
        let failed = answer.kept.failure(&why, forged, now, check.error_cache_ttl);
        answer.kept.fail(failed, now);
    }

    async fn ask_responder(
        &self,
        answer: &AnswerSource,
        url: &Arc<str>,
        check: &OcspCheck,
    ) -> Result<(), Rejected> {
        let question = answer.question()?;
        let body = question.to_der().map_err(|error| Rejected::unusable(error.to_string()))?;
        let request = Request::Post {
            body: body.into(),
            content_type: "application/ocsp-request",
            accept: "application/ocsp-response",
        };
        let began = Instant::now();
        let taken = match self.fetch(url, &request, check.timeout).await {
            Ok(bytes) => answer.take(&bytes, &question, url, check, self.clock.now()),
            Err(error) => Err(error.into()),
        };
        self.metrics.fetched(
            url,
            taken.as_ref().map_or_else(|rejected| rejected.result, |()| "ok"),
            began.elapsed(),
        );
        if let (Ok(()), Some(held)) = (&taken, &answer.kept.state().held) {
            self.metrics.good_until(url, held.fresh_until);
        }
        taken
    }
}
