use fault::Fault;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a statement gave: rows, or what it changed.
///
/// Values keep the very text in which they arrived, so that no integer or float loses a digit on the way.
#[derive(Debug, Deserialize)]
pub struct Answer {
    columns: Vec<String>,
    rows: Vec<Vec<Box<RawValue>>>,
    rows_affected: i64,
    last_insert_id: i64,
    #[serde(default)]
    truncated: bool,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// An integer or a float, as it was written.
    Number(String),
    /// Text.
    Text(String),
    /// A blob, in base64.
    Blob(String),
}

impl Answer {
    /// Reads the body of an answer to one statement.
    ///
    /// # Errors
    /// The body is none.
    pub fn read(body: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(body)
            .map_err(|error| Fault::theirs("the server sent no answer").because(error))
    }

    /// The names of the columns; none where the statement gives no rows.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, value by value.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = impl Iterator<Item = Cell>> {
        self.rows.iter().map(|row| row.iter().map(|value| Cell::of(value)))
    }

    /// How many rows the statement changed.
    #[must_use]
    pub fn rows_affected(&self) -> i64 {
        self.rows_affected
    }

    /// The rowid of the last row inserted.
    #[must_use]
    pub fn last_insert_id(&self) -> i64 {
        self.last_insert_id
    }

    /// Whether the server cut the rows off at its limit.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

impl Cell {
    fn of(value: &RawValue) -> Self {
        #[derive(Deserialize)]
        struct Blob {
            base64: String,
        }
        let raw = value.get();
        match raw.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b'"') => Self::Text(serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())),
            Some(b'{') => serde_json::from_str::<Blob>(raw)
                .map_or_else(|_| Self::Text(raw.to_owned()), |b| Self::Blob(b.base64)),
            _ => Self::Number(raw.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Cell};

    #[test]
    fn values_keep_every_digit() {
        let body = r#"{"columns":["a","b","c","d","e"],"rows":[[9223372036854775807,100.0,null,"x\"y",{"base64":"AQI="}]],"rows_affected":0,"last_insert_id":0}"#;
        let answer: Answer = serde_json::from_str(body).unwrap();
        let rows: Vec<Vec<Cell>> = answer.rows().map(Iterator::collect).collect();
        let expected = vec![
            Cell::Number("9223372036854775807".into()),
            Cell::Number("100.0".into()),
            Cell::Null,
            Cell::Text("x\"y".into()),
            Cell::Blob("AQI=".into()),
        ];
        assert_eq!(rows, [expected]);
        assert!(!answer.is_truncated());
    }
}
