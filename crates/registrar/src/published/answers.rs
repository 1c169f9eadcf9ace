//! Signed answers about single certificates, ready to be sent again.

use std::collections::HashMap;

use bytes::Bytes;
use identity::ocsp::{IdHash, Status};
use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};

use super::document::Document;
use super::taken::Key;

/// An answer that was signed.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) document: Document,
    pub(crate) status: Status,
    /// From when on a newer one takes its place, well before it ends.
    renew_at: OffsetDateTime,
}

impl Answer {
    pub(crate) fn new(bytes: Bytes, status: Status, made: OffsetDateTime, next: OffsetDateTime) -> Self {
        let document = Document::statement(KIND, bytes, made, next);
        Self { document, status, renew_at: made + (next - made).max(Duration::ZERO) / 2 }
    }

    /// Whether it can still be handed out.
    pub(crate) fn counts(&self, now: OffsetDateTime) -> bool {
        now < self.renew_at
    }
}

/// How a question names a certificate: by hash and serial number.
pub(crate) type Asked = (IdHash, Key);

/// The answers of one issuer, as many as fit. Those that nobody asked for lately leave first.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Generations>);

/// What was used since the last change of generations, and what was used before it.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Asked, Answer>,
    old: HashMap<Asked, Answer>,
}

impl Answers {
    /// The answer, where it counts at `now`.
    pub(crate) fn find(&self, asked: &Asked, now: OffsetDateTime) -> Option<Answer> {
        let mut held = self.0.lock();
        if let Some(answer) = held.young.get(asked) {
            return answer.counts(now).then(|| answer.clone());
        }
        let answer = held.old.remove(asked).filter(|answer| answer.counts(now))?;
        held.add(*asked, answer.clone());
        Some(answer)
    }

    pub(crate) fn keep(&self, asked: Asked, answer: Answer) {
        self.0.lock().add(asked, answer);
    }

    /// Forgets what is said about a certificate.
    pub(crate) fn forget(&self, key: Key) {
        let mut held = self.0.lock();
        for hash in [IdHash::Sha1, IdHash::Sha256] {
            held.young.remove(&(hash, key));
            held.old.remove(&(hash, key));
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let held = self.0.lock();
        held.young.len() + held.old.len()
    }
}

impl Generations {
    fn add(&mut self, asked: Asked, answer: Answer) {
        if self.young.len() >= MOST / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(asked, answer);
    }
}

const KIND: &str = "application/ocsp-response";
/// How many answers of one issuer are held: some 20 MiB.
const MOST: usize = 16_384;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use identity::Serial;
    use identity::ocsp::{IdHash, Status};
    use time::Duration;
    use time::macros::datetime;

    use super::{Answer, Answers, MOST};
    use crate::published::taken::Key;

    #[test]
    fn however_many_are_asked_for_no_more_are_held_than_fit_and_the_used_ones_stay() {
        let now = datetime!(2026-06-01 12:00 UTC);
        let key = |n: u32| (IdHash::Sha1, Key::of(&Serial::from_bytes(&n.to_be_bytes())).unwrap());
        let answers = Answers::default();
        for n in 0..2 * u32::try_from(MOST).unwrap() {
            answers.keep(key(n), Answer::new(Bytes::new(), Status::Good, now, now + Duration::HOUR));
            assert!(answers.find(&key(0), now).is_some(), "{n}");
        }
        assert!(answers.len() <= MOST, "{}", answers.len());
        assert!(answers.find(&key(1), now).is_none());
    }

    #[test]
    fn an_answer_is_renewed_when_half_of_its_time_has_passed() {
        let now = datetime!(2026-06-01 12:00 UTC);
        let answer = Answer::new(Bytes::new(), Status::Good, now, now + Duration::HOUR);
        assert!(answer.counts(now + Duration::minutes(29)) && !answer.counts(now + Duration::minutes(30)));
    }
}
