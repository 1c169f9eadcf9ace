/// A value that a client sends as an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// A JSON integer, exact; `true` and `false` arrive as 1 and 0.
    Integer(i64),
    /// A JSON number with a point or an exponent.
    Real(f64),
    /// A JSON string.
    Text(String),
    /// `{"base64":"…"}`.
    Blob(Vec<u8>),
}

impl Value {
    /// The same value, borrowed.
    #[must_use]
    pub fn borrowed(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(n) => ValueRef::Integer(*n),
            Self::Real(x) => ValueRef::Real(*x),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }
}

/// A value of a result row, borrowed from the database. SQLite stores neither truth values nor JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// `NULL`.
    Null,
    /// An integer, exact.
    Integer(i64),
    /// A float; NaN and the infinities travel as `null`.
    Real(f64),
    /// Text; SQLite does not promise UTF-8, so invalid bytes travel as U+FFFD.
    Text(&'a [u8]),
    /// A truth value, of databases that know such.
    Boolean(bool),
    /// JSON, known to be well formed; it travels as it is.
    Json(&'a str),
    /// A blob; it travels as `{"base64":"…"}`.
    Blob(&'a [u8]),
}
