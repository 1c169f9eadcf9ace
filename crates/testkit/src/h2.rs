//! One HTTP/2 connection, frame by frame, so that a test sees the farewell that clients hide.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::Wire;
use crate::wire::No;

/// An HTTP/2 connection over a wire that agreed on `h2`.
#[derive(Debug)]
pub struct H2 {
    wire: Wire,
    read: Vec<u8>,
    stream: u32,
    heard: Heard,
}

/// What the server has said so far.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The answers by stream; whole ones and parts.
    pub answers: BTreeMap<u32, Answer>,
    /// Whether it said that it takes no further streams (GOAWAY).
    pub goaway: bool,
}

/// An answer as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status; 0 before it came.
    pub status: u16,
    /// The body.
    pub body: String,
    /// Whether this is all of it.
    pub whole: bool,
    /// Whether the server gave the stream up.
    pub reset: bool,
}

impl H2 {
    /// Begins to speak HTTP/2.
    ///
    /// # Panics
    /// When the server does not take it.
    #[must_use]
    pub fn over(mut wire: Wire) -> Self {
        wire.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut connection = Self { wire, read: Vec::new(), stream: 1, heard: Heard::default() };
        // Without a table for headers the server writes each of them out.
        connection.frame(SETTINGS, 0, 0, &[0, HEADER_TABLE_SIZE, 0, 0, 0, 0]);
        connection
    }

    /// Sends `POST /<database>/query`, and returns its stream.
    ///
    /// # Panics
    /// When it is not taken.
    #[track_caller]
    pub fn ask(&mut self, database: &str, sql: &str) -> u32 {
        let stream = self.head("POST", &format!("/{database}/query"), false);
        let body = serde_json::json!({ "sql": sql }).to_string();
        self.frame(DATA, END_STREAM, stream, body.as_bytes());
        stream
    }

    /// Sends the head of a request, and returns its stream; `ends` says that there is no body.
    ///
    /// # Panics
    /// When it is not taken.
    #[track_caller]
    pub fn head(&mut self, method: &str, path: &str, ends: bool) -> u32 {
        let mut block = Vec::new();
        let fields =
            [(":method", method), (":scheme", "https"), (":path", path), (":authority", "db.example.com")];
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).expect("a short text"));
                block.extend_from_slice(text.as_bytes());
            }
        }
        let stream = self.stream;
        self.stream += 2;
        self.frame(HEADERS, END_HEADERS | if ends { END_STREAM } else { 0 }, stream, &block);
        stream
    }

    #[track_caller]
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len()).expect("a short frame").to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.wire.send(&frame);
    }

    /// Reads until the answer on this stream is whole, and returns it.
    ///
    /// # Panics
    /// When the connection ends before.
    #[track_caller]
    pub fn answer(&mut self, stream: u32) -> Answer {
        loop {
            match self.heard.answers.get(&stream) {
                Some(answer) if answer.whole => return answer.clone(),
                _ => {}
            }
            if let Err(no) = self.hear() {
                panic!("no answer on stream {stream}: {no:?}, {:?}", self.heard);
            }
        }
    }

    /// Reads until the server ends the connection; returns all that it said.
    ///
    /// # Panics
    /// When it does not end it within `limit`.
    #[track_caller]
    pub fn ends_within(mut self, limit: Duration) -> Heard {
        let began = Instant::now();
        self.wire.waits(Duration::from_millis(50));
        loop {
            match self.hear() {
                Ok(()) | Err(No::Silence) => {}
                Err(_) => return self.heard,
            }
            assert!(began.elapsed() < limit, "still open after {limit:?}: {:?}", self.heard);
        }
    }

    fn hear(&mut self) -> Result<(), No> {
        let bytes = self.wire.hear_bytes()?;
        self.read.extend(bytes);
        while let Some(frame) = Frame::take(&mut self.read) {
            self.note(&frame);
        }
        Ok(())
    }

    fn on(&mut self, stream: u32) -> &mut Answer {
        self.heard.answers.entry(stream).or_default()
    }

    fn note(&mut self, frame: &Frame) {
        let ends = frame.flags & END_STREAM != 0;
        match frame.kind {
            HEADERS => {
                let answer = self.on(frame.stream);
                answer.status = status(&frame.payload);
                answer.whole |= ends;
            }
            DATA => {
                let answer = self.on(frame.stream);
                answer.body.push_str(&String::from_utf8_lossy(&frame.payload));
                answer.whole |= ends;
            }
            RST_STREAM => self.on(frame.stream).reset = true,
            GOAWAY => self.heard.goaway = true,
            // Acknowledged where the server still listens.
            SETTINGS | PING if frame.flags & ACK == 0 => {
                let payload = if frame.kind == PING { frame.payload.as_slice() } else { &[] };
                let mut bytes = vec![0, 0, u8::try_from(payload.len()).expect("eight bytes at most")];
                bytes.extend([frame.kind, ACK, 0, 0, 0, 0]);
                bytes.extend_from_slice(payload);
                let _ = self.wire.try_send(&bytes);
            }
            _ => {}
        }
    }
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The first frame, where it is whole.
    fn take(read: &mut Vec<u8>) -> Option<Self> {
        let head: [u8; 9] = read.get(..9)?.try_into().ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let payload = read.get(9..9 + length)?.to_vec();
        read.drain(..9 + length);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Some(Self { kind: head[3], flags: head[4], stream, payload })
    }
}

/// The status at the head of a header block: first of all fields, and written out where it is a rare one.
fn status(block: &[u8]) -> u16 {
    // What stands before it tells that the table is empty.
    let block = &block[block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count()..];
    match block {
        [0x88, ..] => 200,
        [0x89, ..] => 204,
        [0x8c, ..] => 400,
        [0x8d, ..] => 404,
        [0x8e, ..] => 500,
        // A literal under the name `:status`, as digits or as Huffman codes of digits.
        [0x08 | 0x18 | 0x48, 3, digits @ ..] => number(&digits[..3]),
        [0x08 | 0x18 | 0x48, length, codes @ ..] if length & 0x80 != 0 => {
            number(&digits_of(&codes[..usize::from(length & 0x7f)]))
        }
        _ => panic!("a header block that does not begin with a status: {block:02x?}"),
    }
}

fn number(digits: &[u8]) -> u16 {
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).expect("a status")
}

/// Three digits from their Huffman codes (RFC 7541, appendix B): 0 to 2 have five bits, 3 to 9 six.
fn digits_of(codes: &[u8]) -> Vec<u8> {
    let mut bits = codes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let mut digits = Vec::new();
    while digits.len() < 3 {
        let code = (0..5).fold(0, |code, _| code << 1 | bits.next().expect("a digit"));
        digits.push(match code {
            0..=2 => b'0' + code,
            code => b'3' + (code << 1 | bits.next().expect("a digit")) - 0b01_1001,
        });
    }
    digits
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
const HEADER_TABLE_SIZE: u8 = 1;

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn a_status_is_read_however_it_is_written() {
        assert_eq!(status(&[0x88]), 200);
        assert_eq!(status(&[0x20, 0x48, 3, b'4', b'0', b'3']), 403);
        assert_eq!(status(&[0x08, 0x82, 0b0110_1000, 0b0000_0001]), 401);
        assert_eq!(status(&[0x48, 0x83, 0b0110_1101, 0b1010_0001, 0b0111_1111]), 542);
    }
}
