use std::fmt;

use super::text::write_str;

/// What SQLite said about a statement. It is an answer like any other: it travels with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// SQLite's words.
    pub message: String,
    /// SQLite's primary result code.
    pub code: i32,
    /// SQLite's extended result code.
    pub extended_code: i32,
    /// Which statement of a batch failed, counted from 0; nothing outside a batch.
    pub failed_index: Option<usize>,
}

impl SqlError {
    /// The error envelope, with its newline.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(80 + self.message.len());
        out.extend_from_slice(b"{\"error\":{\"message\":");
        write_str(&mut out, &self.message);
        let mut digits = itoa::Buffer::new();
        // A code of zero is none: clients of the original see the fields left out.
        for (name, code) in [("code", self.code), ("extended_code", self.extended_code)] {
            if code != 0 {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                out.extend_from_slice(digits.format(code).as_bytes());
            }
        }
        out.push(b'}');
        if let Some(index) = self.failed_index {
            out.extend_from_slice(b",\"failed_index\":");
            out.extend_from_slice(digits.format(index).as_bytes());
        }
        out.extend_from_slice(b"}\n");
        out
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLite code {})", self.message, self.extended_code)
    }
}

impl std::error::Error for SqlError {}
