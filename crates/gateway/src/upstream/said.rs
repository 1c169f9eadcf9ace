//! A server's own words, made fit for a log.

use postgres_protocol::message::backend::ErrorFields;

/// What a server says in an ErrorResponse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// `ERROR`, `FATAL` and so on.
    pub(crate) severity: String,
    /// Five characters.
    pub(crate) sqlstate: String,
    /// The primary message.
    pub(crate) message: String,
    /// More about it.
    pub(crate) detail: Option<String>,
    /// What the server advises.
    pub(crate) hint: Option<String>,
    /// Where in the statement, counted in characters from 1.
    pub(crate) position: Option<u32>,
}

impl Said {
    /// Reads the fields, as far as they can be read; each is cut where it is long.
    pub(crate) fn of(mut fields: ErrorFields<'_>) -> Self {
        use fallible_iterator::FallibleIterator as _;
        let mut said = Self::default();
        while let Ok(Some(field)) = fields.next() {
            let text = fit(field.value_bytes());
            match field.type_() {
                b'V' => said.severity = text,
                b'S' if said.severity.is_empty() => said.severity = text,
                b'C' => said.sqlstate = text,
                b'M' => said.message = text,
                b'D' => said.detail = Some(text),
                b'H' => said.hint = Some(text),
                b'P' => said.position = text.parse().ok(),
                _ => {}
            }
        }
        said
    }

    /// Whether the server closes the connection after it.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// In one line, as `psql` shows it.
    pub(crate) fn shown(&self) -> String {
        let Self { severity, sqlstate, message, .. } = self;
        let severity = if severity.is_empty() { "FATAL" } else { severity };
        format!("{severity}: {message} ({sqlstate})")
    }
}

/// Text that a log and a terminal can bear: no control characters, and not without end.
fn fit(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

/// In characters.
const LONGEST: usize = 1000;
