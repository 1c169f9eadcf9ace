//! Notes, as the server hears of them.

use ledger::{NewNote, Shelf};
use time::OffsetDateTime;

use crate::change::Order;
use crate::row::millis;
use crate::session::Value;
use crate::text::stored;

pub(crate) fn write(shelf: Shelf, note: &NewNote) -> Order {
    let mut values = named(shelf, &note.key);
    values.push(Box::new(stored(&note.text).into_owned()));
    values.push(Box::new(note.expires_at.map(millis)));
    match note.seen {
        None => Order { sql: WRITE_NEW, values },
        Some(seen) => {
            values.push(Box::new(seen.cast_signed()));
            Order { sql: REWRITE, values }
        }
    }
}

pub(crate) fn remove(shelf: Shelf, key: &str, seen: u64) -> Order {
    let mut values = named(shelf, key);
    values.push(Box::new(seen.cast_signed()));
    Order { sql: REMOVE, values }
}

pub(crate) fn prune(before: OffsetDateTime) -> Order {
    Order { sql: PRUNE, values: vec![Box::new(millis(before))] }
}

fn named(shelf: Shelf, key: &str) -> Vec<Value> {
    vec![Box::new(shelf.as_str()), Box::new(stored(key).into_owned())]
}

const WRITE_NEW: &str = "
INSERT INTO notes (shelf, key, text, version, expires_at) VALUES ($1, $2, $3, 1, $4)
ON CONFLICT DO NOTHING RETURNING version AS number";
const REWRITE: &str = "
UPDATE notes SET text = $3, expires_at = $4, version = version + 1
WHERE shelf = $1 AND key = $2 AND version = $5 RETURNING version AS number";
const REMOVE: &str =
    "DELETE FROM notes WHERE shelf = $1 AND key = $2 AND version = $3 RETURNING version AS number";
const PRUNE: &str =
    "WITH old AS (DELETE FROM notes WHERE expires_at < $1 RETURNING 1) SELECT count(*) AS number FROM old";
