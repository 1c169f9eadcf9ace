//! A document that is published, and what HTTP says of it.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{Response, StatusCode};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// Bytes with their kind, their tag, and how long they count.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    kind: &'static str,
    etag: String,
    modified: OffsetDateTime,
    until: Until,
}

/// How long whoever has a document may go by it without asking again.
#[derive(Clone, Copy, Debug)]
enum Until {
    /// The moment at which a newer one will be there at the latest (RFC 5019 §6.2).
    Next(OffsetDateTime),
    /// So many seconds.
    Seconds(i64),
}

impl Document {
    /// A signed statement, which says itself when there will be a newer one.
    pub(crate) fn statement(
        kind: &'static str,
        bytes: Bytes,
        made: OffsetDateTime,
        next: OffsetDateTime,
    ) -> Self {
        Self { etag: etag(&bytes), bytes, kind, modified: made, until: Until::Next(next) }
    }

    /// Certificates, which change when an authority takes another one's place.
    pub(crate) fn certificates(kind: &'static str, bytes: Bytes, since: OffsetDateTime) -> Self {
        Self { etag: etag(&bytes), bytes, kind, modified: since, until: Until::Seconds(300) }
    }

    /// The answer to whoever asks for it: the document, or that what they have is the same.
    pub(crate) fn answer(&self, asked: &HeaderMap, now: OffsetDateTime) -> Response<Bytes> {
        let same = self.is_had(asked);
        let mut reply = Response::new(if same { Bytes::new() } else { self.bytes.clone() });
        if same {
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let seconds = match self.until {
            Until::Next(next) => (next - now).whole_seconds().max(0),
            Until::Seconds(seconds) => seconds,
        };
        let expires = now.checked_add(time::Duration::seconds(seconds)).unwrap_or(now);
        let caching = format!("max-age={seconds}, public, no-transform, must-revalidate");
        set(&mut reply, CONTENT_TYPE, self.kind);
        set(&mut reply, ETAG, &self.etag);
        set(&mut reply, LAST_MODIFIED, &date(self.modified));
        set(&mut reply, EXPIRES, &date(expires));
        set(&mut reply, CACHE_CONTROL, &caching);
        reply
    }

    /// RFC 9110 §13.2.2: a tag says more than a date, which is looked at only where there is no tag.
    fn is_had(&self, asked: &HeaderMap) -> bool {
        if asked.contains_key(IF_NONE_MATCH) {
            let tags = asked.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
            let mut tags = tags.flat_map(|tags| tags.split(',')).map(str::trim);
            return tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag);
        }
        let since = asked.get(IF_MODIFIED_SINCE).and_then(|date| date.to_str().ok());
        since.is_some_and(|since| since == date(self.modified))
    }
}

fn etag(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    let hex: String = digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// A moment as HTTP writes it.
fn date(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(DATE).unwrap_or_default()
}

pub(crate) fn set(reply: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::header::{CACHE_CONTROL, ETAG, EXPIRES, HeaderMap, HeaderValue, IF_NONE_MATCH, LAST_MODIFIED};
    use time::macros::datetime;

    use super::Document;

    #[test]
    fn a_document_counts_until_the_next_one_and_is_not_sent_to_who_has_it() {
        let (made, next) = (datetime!(2026-06-01 12:00 UTC), datetime!(2026-06-02 12:00 UTC));
        let list = Document::statement("application/pkix-crl", Bytes::from_static(b"list"), made, next);
        let now = datetime!(2026-06-02 11:00 UTC);
        let first = list.answer(&HeaderMap::new(), now);
        assert_eq!(first.headers()[CACHE_CONTROL], "max-age=3600, public, no-transform, must-revalidate");
        assert_eq!(first.headers()[LAST_MODIFIED], "Mon, 01 Jun 2026 12:00:00 GMT");
        assert_eq!(first.headers()[EXPIRES], "Tue, 02 Jun 2026 12:00:00 GMT");
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        for (asked, status) in
            [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("\"x\"".to_owned(), 200)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(&asked).unwrap());
            let reply = list.answer(&headers, now);
            assert_eq!(
                (reply.status().as_u16(), reply.body().is_empty()),
                (status, status == 304),
                "{asked}"
            );
        }
    }

    #[test]
    fn a_document_whose_next_one_is_late_is_asked_for_each_time() {
        let at = datetime!(2026-06-01 12:00 UTC);
        let list = Document::statement("application/pkix-crl", Bytes::new(), at, at);
        let reply = list.answer(&HeaderMap::new(), datetime!(2026-06-03 12:00 UTC));
        assert!(reply.headers()[CACHE_CONTROL].to_str().unwrap().starts_with("max-age=0,"));
    }
}
