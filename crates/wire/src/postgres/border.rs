//! Where messages begin and end, in a stream of them that arrives in chunks.

use std::ops::ControlFlow;

use super::Malformed;

/// Follows the messages of one direction over chunks, wherever these are cut. It looks at the header of each message and at
/// the first byte of its body, and steps over the rest without a look.
#[derive(Debug, Default)]
pub struct Border {
    /// The beginning of a message that the chunk before ended in: a header, and the first byte after it.
    held: [u8; 6],
    /// How much of `held` there is.
    kept: usize,
    /// What is still to come of the body that has begun.
    body: usize,
}

/// A message whose beginning has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// What kind of message it is.
    pub tag: u8,
    /// The first byte of its body; none where that is empty.
    pub first: Option<u8>,
    /// Whether all of it that has been seen is in this chunk, so that it can still be held back.
    pub whole: bool,
}

impl Border {
    /// Follows a chunk and tells `seen` of every message that begins. Where that breaks, the message is left where it is if
    /// none of it was in an earlier chunk. Returns how many bytes were followed.
    ///
    /// # Errors
    /// A message says that it is shorter than its own length field, or longer than a message can be.
    pub fn follow(
        &mut self,
        chunk: &[u8],
        mut seen: impl FnMut(Begun) -> ControlFlow<()>,
    ) -> Result<usize, Malformed> {
        let mut rest = chunk;
        loop {
            let skipped = self.body.min(rest.len());
            self.body -= skipped;
            rest = rest.get(skipped..).unwrap_or_default();
            match rest {
                [] => return Ok(chunk.len()),
                [tag, a, b, c, d, after @ ..] if self.kept == 0 => {
                    let body = length_of_body([*a, *b, *c, *d])?;
                    let first = after.first().copied().filter(|_| body > 0);
                    if body > 0 && first.is_none() {
                        self.keep(rest);
                        return Ok(chunk.len());
                    }
                    if seen(Begun { tag: *tag, first, whole: true }).is_break() {
                        return Ok(chunk.len() - rest.len());
                    }
                    (self.body, rest) = (body, after);
                }
                [byte, after @ ..] => {
                    rest = after;
                    let Some(begun) = self.add(*byte)? else { continue };
                    let _ = seen(begun);
                }
            }
        }
    }

    /// Whether the last message is complete and no other has begun.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.kept == 0 && self.body == 0
    }

    fn keep(&mut self, bytes: &[u8]) {
        for (place, byte) in self.held.iter_mut().zip(bytes) {
            *place = *byte;
            self.kept += 1;
        }
    }

    /// Adds a byte to a beginning that is cut.
    fn add(&mut self, byte: u8) -> Result<Option<Begun>, Malformed> {
        if let Some(place) = self.held.get_mut(self.kept) {
            *place = byte;
            self.kept += 1;
        }
        let [tag, a, b, c, d, first] = self.held;
        if self.kept < HEADER {
            return Ok(None);
        }
        let first = match (length_of_body([a, b, c, d])?, self.kept) {
            (0, _) => None,
            (_, HEADER) => return Ok(None),
            (body, _) => {
                self.body = body - 1;
                Some(first)
            }
        };
        self.kept = 0;
        Ok(Some(Begun { tag, first, whole: false }))
    }
}

/// The tag and the length.
const HEADER: usize = 5;

/// The length counts itself, and not the tag.
fn length_of_body(length: [u8; 4]) -> Result<usize, Malformed> {
    let length = i32::from_be_bytes(length);
    match usize::try_from(length).ok().and_then(|length| length.checked_sub(4)) {
        Some(body) => Ok(body),
        None => Err(Malformed("invalid message length")),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::{Begun, Border};

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag][..], &length.to_be_bytes(), body].concat()
    }

    fn tags(border: &mut Border, chunk: &[u8]) -> Vec<(u8, Option<u8>)> {
        let mut seen = Vec::new();
        let followed = border.follow(chunk, |Begun { tag, first, .. }| {
            seen.push((tag, first));
            ControlFlow::Continue(())
        });
        assert_eq!(followed.unwrap(), chunk.len());
        seen
    }

    #[test]
    fn the_same_messages_are_seen_however_the_stream_is_cut() {
        let stream = [message(b'Q', b"select 1\0"), message(b'S', b""), message(b'Z', b"T")].concat();
        let expected = [(b'Q', Some(b's')), (b'S', None), (b'Z', Some(b'T'))];
        for size in 1..=stream.len() {
            let mut border = Border::default();
            let seen: Vec<_> = stream.chunks(size).flat_map(|chunk| tags(&mut border, chunk)).collect();
            assert_eq!(seen, expected, "in chunks of {size}");
            assert!(border.is_between());
        }
    }

    #[test]
    fn a_message_can_be_held_back_where_none_of_it_has_passed() {
        let stream = [message(b'S', b""), message(b'X', b""), message(b'Q', b"select 1\0")].concat();
        let stop = |begun: Begun| match begun {
            Begun { tag: b'X', whole: true, .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let mut border = Border::default();
        assert_eq!(border.follow(&stream, stop).unwrap(), 5);
        assert!(border.is_between());

        let mut border = Border::default();
        assert_eq!(border.follow(&stream[..6], stop).unwrap(), 6);
        assert!(!border.is_between());
        assert_eq!(border.follow(&stream[6..], stop).unwrap(), stream.len() - 6);
    }

    #[test]
    fn a_length_that_no_message_has_is_refused_wherever_it_is_cut() {
        for length in [[0, 0, 0, 3], [0, 0, 0, 0], [0x80, 0, 0, 0], [0xff; 4]] {
            let bytes = [&[b'Q'][..], &length, b"more"].concat();
            for cut in 0..bytes.len() {
                let mut border = Border::default();
                let (one, other) = bytes.split_at(cut);
                let mut pass = |chunk| border.follow(chunk, |_| ControlFlow::Continue(()));
                assert!(pass(one).and_then(|_| pass(other)).is_err(), "{length:?} cut at {cut}");
            }
        }
    }
}
