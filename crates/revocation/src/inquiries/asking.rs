//! Asking: the lists first, in the certificate's order, then the responders.

mod answer;
mod list;

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::{Asked, Certificate, Fingerprint, Verified};
use tokio::task::JoinSet;

use super::store::Methods;
use super::{Inner, asked_about};
use crate::answers::AnswerSource;
use crate::fetch::{Request, Unfetched, Why};
use crate::lists::ListSource;
use crate::look::{Look, Said};
use crate::subject::Found;

impl Inner {
    /// Asks about every certificate of a path that nothing at hand answers for, about all of them at the same time.
    pub(super) async fn ask_about(self: &Arc<Self>, verified: &Verified) -> Vec<(Fingerprint, Found)> {
        let mut asking = JoinSet::new();
        for (subject, issuer) in asked_about(verified) {
            let (inner, subject, issuer) = (Arc::clone(self), subject.clone(), issuer.clone());
            asking.spawn(async move {
                let found = inner.ask_about_one(&subject, &issuer).await;
                (subject.fingerprint(), found)
            });
        }
        // One that is missing because it came to grief counts as unanswered: settling refuses it.
        let mut found = Vec::new();
        while let Some(one) = asking.join_next().await {
            found.extend(one.ok());
        }
        found
    }

    async fn ask_about_one(self: &Arc<Self>, certificate: &Certificate, issuer: &Certificate) -> Found {
        let methods = Methods::of(&self.verification);
        let subject = self.store.subject(certificate, issuer, methods);
        let decides =
            |said: &Said| said.is_definite() && !self.past.taken_back.outdoes(said, certificate, issuer);
        let mut crl = Said::from(Asked::NotAskable);
        for list in &subject.lists {
            let look = list.look(certificate, self.clock.now());
            if look == Look::Ask {
                self.attempt_list(list).await;
            }
            crl = known(subject.look_at_lists(self.clock.now()), "its lists could not be asked");
            if decides(&crl) {
                break;
            }
        }
        let mut ocsp = Said::from(Asked::NotAskable);
        if !decides(&crl)
            && !matches!(crl.asked, Asked::Forged { .. })
            && let Some(answers) = &subject.answers
        {
            if answers.look(self.clock.now()) == Look::Ask {
                self.attempt_answer(answers).await;
            }
            ocsp = known(answers.look(self.clock.now()), "its responders could not be asked");
        }
        self.past.taken_back.consider(Found { crl, ocsp }, certificate, issuer, self.clock.now())
    }

    /// Fetches a list, or waits for whoever is fetching it.
    pub(super) async fn attempt_list(self: &Arc<Self>, list: &Arc<ListSource>) {
        list.kept
            .attempt(|end| {
                let (inner, list) = (Arc::clone(self), Arc::clone(list));
                tokio::spawn(async move {
                    inner.fetch_list(&list).await;
                    drop(end);
                });
            })
            .await;
        self.news.notify_one();
    }

    /// Asks the responders of a certificate, or waits for whoever is asking them.
    pub(super) async fn attempt_answer(self: &Arc<Self>, answer: &Arc<AnswerSource>) {
        answer
            .kept
            .attempt(|end| {
                let (inner, answer) = (Arc::clone(self), Arc::clone(answer));
                tokio::spawn(async move {
                    inner.fetch_answer(&answer).await;
                    drop(end);
                });
            })
            .await;
        self.news.notify_one();
    }

    /// One request within its time; waiting for a lane is part of it.
    async fn fetch(
        &self,
        url: &str,
        request: &Request,
        timeout: Duration,
    ) -> Result<bytes::Bytes, Unfetched> {
        let began = Instant::now();
        match tokio::time::timeout(timeout, self.lanes.acquire()).await {
            Ok(Ok(_lane)) => self.fetcher.fetch(url, request, timeout.saturating_sub(began.elapsed())).await,
            _ => {
                let why = format!("{url} was not asked: too many requests are under way");
                Err(Unfetched::new(Why::Timeout, why))
            }
        }
    }

    /// How long a failure is remembered; OCSP's word counts for lists too.
    pub(super) fn error_ttl(&self) -> Duration {
        self.verification.ocsp.unwrap_or_default().error_cache_ttl
    }
}

fn known(look: Look, otherwise: &str) -> Said {
    match look {
        Look::Known(said) => said,
        Look::Ask => Asked::Failed { why: otherwise.to_owned() }.into(),
    }
}
