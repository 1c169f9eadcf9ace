//! What a server says until it is ready for the first statement, and its last words. Every function adds one message.

use super::cancel::CancelKey;
use super::startup::Version;

/// What a server says when it closes the connection: the words of an error of severity FATAL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fatal<'a> {
    /// The code of five characters.
    pub sqlstate: &'a str,
    /// What happened.
    pub message: &'a str,
    /// More of it; none where empty.
    pub detail: &'a str,
    /// What to do; none where empty.
    pub hint: &'a str,
}

impl Fatal<'_> {
    /// Adds it.
    pub fn write(&self, out: &mut Vec<u8>) {
        message(out, b'E', |out| {
            let fields = [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', self.sqlstate), (b'M', self.message)];
            let more = [(b'D', self.detail), (b'H', self.hint)];
            for (tag, value) in
                fields.into_iter().chain(more.into_iter().filter(|(_, text)| !text.is_empty()))
            {
                out.push(tag);
                text(out, value);
            }
            out.push(0);
        });
    }

    /// As a message of its own.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

/// The client is signed in.
pub fn authentication_ok(out: &mut Vec<u8>) {
    message(out, b'R', |out| out.extend([0; 4]));
}

/// A setting that clients keep track of.
pub fn parameter_status(out: &mut Vec<u8>, name: &str, value: &str) {
    message(out, b'S', |out| {
        text(out, name);
        text(out, value);
    });
}

/// The key by which the client may cancel.
pub fn key_data(out: &mut Vec<u8>, key: &CancelKey) {
    message(out, b'K', |out| {
        out.extend(key.process().to_be_bytes());
        out.extend(key.secret());
    });
}

/// The next statement may come; no transaction is open.
pub fn ready(out: &mut Vec<u8>) {
    message(out, b'Z', |out| out.push(b'I'));
}

/// Less is spoken here than the client asked for: this version, and none of these options.
pub fn negotiate<'a>(out: &mut Vec<u8>, version: Version, unknown: impl Iterator<Item = &'a str>) {
    let unknown: Vec<&str> = unknown.collect();
    message(out, b'v', |out| {
        out.extend(version.to_bytes());
        out.extend(u32::try_from(unknown.len()).unwrap_or_default().to_be_bytes());
        unknown.iter().for_each(|name| text(out, name));
    });
}

/// Adds a message: its tag, its length, which counts itself and not the tag, and what `body` adds.
fn message(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    out.extend([0; 4]);
    body(out);
    let length = u32::try_from(out.len() - at).unwrap_or_default();
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// Adds a text with the zero byte that ends it. A zero byte within would end it early, and what follows be read as
/// something else.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.push(0);
}

#[cfg(test)]
mod tests {
    use super::{Fatal, authentication_ok, key_data, negotiate, parameter_status, ready};
    use crate::postgres::cancel::CancelKey;
    use crate::postgres::startup::Version;

    #[test]
    fn the_messages_of_a_start_are_those_of_the_manual() {
        let mut out = Vec::new();
        authentication_ok(&mut out);
        parameter_status(&mut out, "TimeZone", "UTC");
        key_data(&mut out, &CancelKey::new(1, b"abcd").unwrap());
        ready(&mut out);
        let expected: [&[u8]; 4] = [
            b"R\0\0\0\x08\0\0\0\0",
            b"S\0\0\0\x11TimeZone\0UTC\0",
            b"K\0\0\0\x0c\0\0\0\x01abcd",
            b"Z\0\0\0\x05I",
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn a_client_hears_which_version_and_which_options_are_not_spoken() {
        let mut out = Vec::new();
        negotiate(&mut out, Version::NEWEST, ["_pq_.a", "_pq_.b"].into_iter());
        assert_eq!(out, b"v\0\0\0\x1a\0\x03\0\x02\0\0\0\x02_pq_.a\0_pq_.b\0");
    }

    #[test]
    fn last_words_leave_out_what_is_empty_and_cannot_be_broken_out_of() {
        let fatal = Fatal { sqlstate: "28000", message: "no\0Mbad", detail: "", hint: "try" };
        let expected = b"E\0\0\0\x27SFATAL\0VFATAL\0C28000\0MnoMbad\0Htry\0\0";
        assert_eq!(fatal.to_bytes(), expected);
    }
}
