//! What a person reads.
//!
//! - [`paint`]: colour, where there is any
//! - [`table`]: rows under headings
//! - [`moment`]: points in time and spans, written and read
//! - [`certificate`]: everything a certificate says

pub(crate) mod certificate;
pub(crate) mod moment;
mod paint;
mod table;

pub(crate) use paint::Paint;
pub(crate) use table::{Align, Table, printable};

/// A value of a row as a table shows it.
pub(crate) fn cell(cell: client::Cell) -> (String, Align) {
    match cell {
        client::Cell::Null => ("NULL".to_owned(), Align::Left),
        client::Cell::Number(number) => (number, Align::Right),
        client::Cell::Text(text) => (text, Align::Left),
        client::Cell::Blob(base64) => (format!("base64:{base64}"), Align::Left),
    }
}
