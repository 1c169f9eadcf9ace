use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::options::Target;

/// Ready requests, all for the same path; with `{id}` in the body each carries another number.
pub(crate) struct Requests {
    bytes: Vec<Vec<u8>>,
    expect: Vec<u8>,
}

/// Different bodies kept ready: more than a server's caches of whole requests would hold, few enough to stay in ours.
const VARIANTS: usize = 4096;

impl Requests {
    pub(crate) fn new(target: &Target) -> Self {
        let bytes = bodies(target).map(|body| one(target, body.as_deref())).collect();
        Self { bytes, expect: target.expect.as_bytes().to_vec() }
    }

    /// The `turn`-th request, beginning anew after the last.
    fn pick(&self, turn: usize) -> &[u8] {
        self.bytes.get(turn % self.bytes.len().max(1)).map_or(&[], Vec::as_slice)
    }

    /// Sends the `turn`-th request and reads its answer.
    ///
    /// # Errors
    /// Where the connection fails, the status is not 200, or the answer lacks the expected text.
    pub(crate) async fn exchange<S>(
        &self,
        stream: &mut S,
        buffer: &mut Vec<u8>,
        turn: usize,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        stream.write_all(self.pick(turn)).await?;
        stream.flush().await?;
        let body = read_answer(stream, buffer).await?;
        if !contains(buffer.get(body..).unwrap_or_default(), &self.expect) {
            return Err(said(buffer, "an answer without the expected text"));
        }
        Ok(())
    }
}

/// The bodies to send: none, one, or many that differ by `{id}`.
pub(crate) fn bodies(target: &Target) -> impl Iterator<Item = Option<String>> + '_ {
    let varies = target.body.as_ref().is_some_and(|body| body.contains("{id}"));
    let mut ids = Ids(0x9e37_79b9_7f4a_7c15);
    (0..if varies { VARIANTS } else { 1 }).map(move |_| {
        let id = 1 + ids.next() % target.ids;
        target.body.as_ref().map(|body| body.replace("{id}", &id.to_string()))
    })
}

/// Numbers that look random and are the same in every run (xorshift64*).
struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

fn one(target: &Target, body: Option<&str>) -> Vec<u8> {
    let (path, name) = (&target.path, &target.name);
    match body {
        None => format!("GET {path} HTTP/1.1\r\nhost: {name}\r\n\r\n").into_bytes(),
        Some(body) => {
            let length = body.len();
            format!("POST {path} HTTP/1.1\r\nhost: {name}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
                .into_bytes()
        }
    }
}

/// Reads one answer whole into `buffer`; returns where its body begins.
async fn read_answer(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.clear();
    let body = loop {
        more(stream, buffer).await?;
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = buffer.get(..body).unwrap_or_default();
    if !head.starts_with(b"HTTP/1.1 200") {
        return Err(said(buffer, "a status other than 200"));
    }
    match content_length(head) {
        Some(length) => {
            while buffer.len() < body + length {
                more(stream, buffer).await?;
            }
        }
        None => {
            while !buffer.ends_with(b"0\r\n\r\n") {
                more(stream, buffer).await?;
            }
        }
    }
    Ok(body)
}

async fn more(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// The declared length; none means chunks, which end with an empty one.
fn content_length(head: &[u8]) -> Option<usize> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        let ours = name.eq_ignore_ascii_case(b"content-length:");
        if ours { std::str::from_utf8(value).ok()?.trim().parse().ok() } else { None }
    })
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || find(haystack, needle).is_some()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn said(answer: &[u8], what: &str) -> io::Error {
    let start = answer.get(..answer.len().min(300)).unwrap_or_default();
    io::Error::other(format!("{what}: {}", String::from_utf8_lossy(start)))
}

#[cfg(test)]
mod tests {
    use super::{content_length, read_answer};

    #[test]
    fn the_length_is_found_in_any_case_and_only_as_a_header_name() {
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n"), Some(42));
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nx-content-length: 42\r\n\r\n"), None);
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_by_length_and_by_chunks() {
        for whole in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"[..],
            &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"[..],
        ] {
            let mut buffer = Vec::new();
            let body = read_answer(&mut &whole[..], &mut buffer).await.unwrap();
            assert!(String::from_utf8_lossy(&buffer[body..]).contains("hello"));
        }
    }

    #[tokio::test]
    async fn a_refusal_is_a_failure_that_quotes_the_answer() {
        let answer = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno";
        let failure = read_answer(&mut &answer[..], &mut Vec::new()).await.unwrap_err();
        assert!(failure.to_string().contains("401"));
    }
}
