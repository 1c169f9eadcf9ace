//! What a node says about the services it asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;

use crate::answers::AnswerSource;
use crate::kept::State;
use crate::lists::ListSource;

/// One address and what came of asking it.
#[derive(Clone, Debug, Serialize)]
pub struct SourceShown {
    /// `crl` or `ocsp`.
    pub method: &'static str,
    /// The address, as certificates name it.
    pub url: String,
    /// When the newest answer was fetched.
    #[serde(with = "time::serde::rfc3339::option")]
    pub fetched_at: Option<OffsetDateTime>,
    /// Until when the answer counts that ends first.
    #[serde(with = "time::serde::rfc3339::option")]
    pub good_until: Option<OffsetDateTime>,
    /// The list's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// How many certificates the list names, or how many the responder has answered about.
    pub entries: usize,
    /// How many of them the responder called revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<usize>,
    /// What went wrong last, where nothing has gone well since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl SourceShown {
    pub(crate) fn of(
        lists: &[Arc<ListSource>],
        answers: &[Arc<AnswerSource>],
        now: OffsetDateTime,
    ) -> Vec<Self> {
        let mut responders = BTreeMap::<Arc<str>, Self>::new();
        for answer in answers {
            let Some(url) = answer.urls.first() else { continue };
            if responders.len() >= MOST && !responders.contains_key(url) {
                continue;
            }
            responders.entry(Arc::clone(url)).or_insert_with(|| Self::empty("ocsp", url)).add(answer, now);
        }
        let mut shown: Vec<_> = lists.iter().take(MOST).map(|list| Self::list(list)).collect();
        shown.sort_by(|one, other| one.url.cmp(&other.url));
        shown.extend(responders.into_values());
        shown
    }

    fn empty(method: &'static str, url: &str) -> Self {
        Self {
            method,
            url: url.to_owned(),
            fetched_at: None,
            good_until: None,
            number: None,
            entries: 0,
            revoked: None,
            failure: None,
        }
    }

    fn list(list: &ListSource) -> Self {
        let state = list.kept.state();
        let mut shown = Self { failure: failure(&state), ..Self::empty("crl", &list.url) };
        if let Some(held) = &state.held {
            shown.fetched_at = Some(held.since);
            shown.good_until = Some(held.fresh_until);
            shown.number = held.value.number().map(|number| number.to_string());
            shown.entries = held.value.len();
        }
        shown
    }

    fn add(&mut self, answer: &AnswerSource, now: OffsetDateTime) {
        let state = answer.kept.state();
        self.failure = self.failure.take().or_else(|| failure(&state));
        let Some(held) = &state.held else { return };
        self.entries += 1;
        let revoked = self.revoked.get_or_insert(0);
        *revoked += usize::from(answer.is_revoked());
        self.fetched_at = self.fetched_at.max(Some(held.since));
        if held.fresh_until > now {
            self.good_until = Some(self.good_until.map_or(held.fresh_until, |end| end.min(held.fresh_until)));
        }
    }
}

fn failure<T>(state: &State<T>) -> Option<String> {
    state.failed.as_ref().map(|failed| failed.why.to_string())
}

/// How many addresses of one method are shown.
const MOST: usize = 100;
