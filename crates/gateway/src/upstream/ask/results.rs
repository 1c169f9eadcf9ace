//! What comes back, written into the answer while it arrives.

use std::io;

use database::Limits;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, Message, RowDescriptionBody};
use tokio::io::AsyncRead;
use wire::sql::{ResultEncoder, ValueRef};

use super::pipeline::Step;
use super::strange;
use super::value::Written;
use crate::upstream::frames::{Frames, Next};
use crate::upstream::said::Said;

/// How an exchange ended.
pub(super) enum Heard {
    /// The server waits for the next.
    Ended(Ending),
    /// The server has closed the connection with these words.
    Closed(Box<Said>),
    /// The statement copies, and waits for what HTTP has no way to send.
    Copy,
}

/// The end of an exchange that the server has seen through.
pub(super) struct Ending {
    /// `I` outside of a transaction, `T` in one, `E` in one that failed.
    pub(super) status: u8,
    /// What it said of a statement that failed, and which one of the request's that was.
    pub(super) failed: Option<(Box<Said>, Option<usize>)>,
    /// Whether the link is in step.
    pub(super) reusable: bool,
}

/// The statement whose answer arrives.
struct Current<'a> {
    limits: &'a Limits,
    columns: Vec<Written>,
    rows: usize,
    truncated: bool,
}

/// Reads until the server waits.
pub(super) async fn read<S: AsyncRead + Unpin>(
    frames: &mut Frames<'_, S>,
    steps: &[Step<'_>],
    limits: &Limits,
    out: &mut ResultEncoder,
) -> io::Result<Heard> {
    let mut left = steps.iter();
    let mut step = left.next();
    let mut current = Current::new(limits);
    let mut failed = None;
    loop {
        let shown = step.is_some_and(|step| step.index.is_some());
        let message = match frames.next_or_leave(limits.max_result_bytes.saturating_add(SLACK)).await? {
            Next::Message(message) => message,
            // A row that is larger than an answer may be.
            Next::Left(b'D') => {
                current.truncated = true;
                continue;
            }
            Next::Left(_) => return Err(strange("it says more than a server has to say here")),
        };
        match message {
            Message::RowDescription(described) if shown => current.begin(Some(&described), out)?,
            Message::NoData if shown => current.begin(None, out)?,
            Message::DataRow(row) if shown => current.row(&row, out)?,
            Message::CommandComplete(tag) => {
                if shown {
                    out.finish(affected(tag.tag()?), 0, current.truncated);
                }
                (step, current) = (left.next(), Current::new(limits));
            }
            Message::PortalSuspended | Message::EmptyQueryResponse => {
                if shown {
                    out.finish(0, 0, current.truncated);
                }
                (step, current) = (left.next(), Current::new(limits));
            }
            Message::ErrorResponse(told) => {
                let said = Box::new(Said::of(told.fields()));
                if said.is_last() {
                    return Ok(Heard::Closed(said));
                }
                let _ = failed.get_or_insert((said, step.and_then(|step| step.index)));
            }
            Message::ReadyForQuery(ready) => {
                let reusable = failed.is_some() || step.is_none();
                return Ok(Heard::Ended(Ending { status: ready.status(), failed, reusable }));
            }
            Message::CopyInResponse(_) | Message::CopyOutResponse(_) => return Ok(Heard::Copy),
            Message::ParseComplete
            | Message::BindComplete
            | Message::RowDescription(_)
            | Message::NoData
            | Message::DataRow(_)
            | Message::NoticeResponse(_)
            | Message::NotificationResponse(_)
            | Message::ParameterStatus(_) => {}
            _ => return Err(strange("it says what nobody has asked for")),
        }
    }
}

impl<'a> Current<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { limits, columns: Vec::new(), rows: 0, truncated: false }
    }

    fn begin(&mut self, described: Option<&RowDescriptionBody>, out: &mut ResultEncoder) -> io::Result<()> {
        let mut names = Vec::new();
        if let Some(described) = described {
            let mut fields = described.fields();
            while let Some(field) = fields.next()? {
                names.push(field.name().to_owned());
                self.columns.push(Written::of(field.type_oid()));
            }
        }
        out.begin(names.iter().map(String::as_str));
        Ok(())
    }

    fn row(&mut self, row: &DataRowBody, out: &mut ResultEncoder) -> io::Result<()> {
        self.rows += 1;
        self.truncated |= self.rows > self.limits.max_rows;
        if self.truncated {
            return Ok(());
        }
        out.row_begin();
        let mut ranges = row.ranges();
        let mut columns = self.columns.iter();
        while let Some(range) = ranges.next()? {
            let written =
                columns.next().copied().ok_or_else(|| strange("a row with more columns than it has"))?;
            match range.map(|range| row.buffer().get(range)) {
                None => out.value(ValueRef::Null),
                Some(Some(text)) => written.hand_on(text, |value| out.value(value)),
                Some(None) => return Err(strange("a row that ends before its values")),
            }
        }
        if columns.next().is_some() {
            return Err(strange("a row with fewer columns than it has"));
        }
        out.row_end();
        if out.size() > self.limits.max_result_bytes {
            out.row_undo();
            self.truncated = true;
        }
        Ok(())
    }
}

/// How many rows a statement has changed, by what the server says at its end: `INSERT 0 5`, `UPDATE 3`.
fn affected(tag: &str) -> u64 {
    let mut words = tag.split(' ');
    match words.next() {
        Some("INSERT" | "UPDATE" | "DELETE" | "MERGE") => {
            words.next_back().and_then(|rows| rows.parse().ok()).unwrap_or(0)
        }
        _ => 0,
    }
}

/// What a message is larger than what it carries, at most.
const SLACK: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::affected;

    #[test]
    fn what_a_statement_has_changed_is_what_the_server_says() {
        assert_eq!(affected("INSERT 0 5"), 5);
        assert_eq!(affected("UPDATE 3"), 3);
        assert_eq!(affected("SELECT 7"), 0);
        assert_eq!(affected("CREATE TABLE"), 0);
    }
}
