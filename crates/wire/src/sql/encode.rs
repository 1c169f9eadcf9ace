use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::{write_bytes, write_str};
use super::value::ValueRef;

/// Writes the results of a request into one JSON body, value by value, without a copy in between.
///
/// For each statement: [`begin`](Self::begin), then for each row [`row_begin`](Self::row_begin),
/// [`value`](Self::value) for each column and [`row_end`](Self::row_end), then [`finish`](Self::finish).
/// [`into_body`](Self::into_body) closes the answer.
#[derive(Debug)]
pub struct ResultEncoder {
    out: Vec<u8>,
    batch: bool,
    results: usize,
    rows: usize,
    row_start: usize,
    first_value: bool,
}

impl ResultEncoder {
    /// An encoder of one result, or of the list of a batch.
    #[must_use]
    pub fn new(batch: bool) -> Self {
        let mut out = Vec::with_capacity(256);
        if batch {
            out.extend_from_slice(b"{\"results\":[");
        }
        Self { out, batch, results: 0, rows: 0, row_start: 0, first_value: true }
    }

    /// Starts a result with the names of its columns.
    pub fn begin<'c>(&mut self, columns: impl IntoIterator<Item = &'c str>) {
        if self.results > 0 {
            self.out.push(b',');
        }
        self.results += 1;
        self.rows = 0;
        self.out.extend_from_slice(b"{\"columns\":[");
        for (n, name) in columns.into_iter().enumerate() {
            if n > 0 {
                self.out.push(b',');
            }
            write_str(&mut self.out, name);
        }
        self.out.extend_from_slice(b"],\"rows\":[");
    }

    /// Starts a row.
    pub fn row_begin(&mut self) {
        self.row_start = self.out.len();
        self.out.extend_from_slice(if self.rows > 0 { b",[" } else { b"[" });
        self.first_value = true;
    }

    /// Writes the next value of the row.
    pub fn value(&mut self, value: ValueRef<'_>) {
        if !std::mem::replace(&mut self.first_value, false) {
            self.out.push(b',');
        }
        match value {
            ValueRef::Null => self.out.extend_from_slice(b"null"),
            ValueRef::Integer(n) => self.out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes()),
            // NaN and the infinities are no JSON numbers.
            ValueRef::Real(x) if !x.is_finite() => self.out.extend_from_slice(b"null"),
            ValueRef::Real(x) => self.out.extend_from_slice(zmij::Buffer::new().format_finite(x).as_bytes()),
            ValueRef::Text(text) => write_bytes(&mut self.out, text),
            ValueRef::Boolean(true) => self.out.extend_from_slice(b"true"),
            ValueRef::Boolean(false) => self.out.extend_from_slice(b"false"),
            ValueRef::Json(json) => self.out.extend_from_slice(json.as_bytes()),
            ValueRef::Blob(blob) => self.blob(blob),
        }
    }

    fn blob(&mut self, blob: &[u8]) {
        self.out.extend_from_slice(b"{\"base64\":\"");
        let start = self.out.len();
        let length = base64::encoded_len(blob.len(), true).unwrap_or(0);
        self.out.resize(start + length, 0);
        let room = self.out.get_mut(start..).unwrap_or_default();
        // The room is exactly what the encoding needs, so it cannot be too small.
        let written = STANDARD.encode_slice(blob, room).unwrap_or(0);
        self.out.truncate(start + written);
        self.out.extend_from_slice(b"\"}");
    }

    /// Ends the row.
    pub fn row_end(&mut self) {
        self.out.push(b']');
        self.rows += 1;
    }

    /// Takes the row begun last back, finished or not: it made the answer too large.
    pub fn row_undo(&mut self) {
        if self.out.last() == Some(&b']') && self.rows > 0 {
            self.rows -= 1;
        }
        self.out.truncate(self.row_start);
    }

    /// Ends the result; `truncated` says that rows were left out.
    pub fn finish(&mut self, rows_affected: u64, last_insert_id: i64, truncated: bool) {
        let mut digits = itoa::Buffer::new();
        self.out.extend_from_slice(b"],\"rows_affected\":");
        self.out.extend_from_slice(digits.format(rows_affected).as_bytes());
        self.out.extend_from_slice(b",\"last_insert_id\":");
        self.out.extend_from_slice(digits.format(last_insert_id).as_bytes());
        self.out.extend_from_slice(if truncated { b",\"truncated\":true}" } else { b"}" });
    }

    /// Bytes written so far.
    #[must_use]
    pub fn size(&self) -> usize {
        self.out.len()
    }

    /// The answer's body, with its newline.
    #[must_use]
    pub fn into_body(mut self) -> Vec<u8> {
        self.out.extend_from_slice(if self.batch { b"]}\n" } else { b"\n" });
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::ResultEncoder;
    use crate::sql::ValueRef;

    fn row(values: &[ValueRef<'_>]) -> String {
        let mut encoder = ResultEncoder::new(false);
        encoder.begin(["x"]);
        encoder.row_begin();
        values.iter().for_each(|value| encoder.value(*value));
        encoder.row_end();
        encoder.finish(0, 0, false);
        let body = String::from_utf8(encoder.into_body()).unwrap();
        let start = body.find("\"rows\":[").unwrap() + 8;
        body[start..body.find(",\"rows_affected\"").unwrap() - 1].to_owned()
    }

    #[test]
    fn a_float_always_carries_a_point_or_an_exponent() {
        let floats = [100.0, 1e300, -0.0, 0.1, 1e16, 5e-324, f64::MAX].map(ValueRef::Real);
        for text in row(&floats).trim_matches(['[', ']']).split(',') {
            assert!(text.contains(['.', 'e']), "{text}");
        }
        assert_eq!(row(&[ValueRef::Real(100.0)]), "[100.0]");
        assert_eq!(row(&[ValueRef::Real(f64::NAN), ValueRef::Real(f64::INFINITY)]), "[null,null]");
    }

    #[test]
    fn integers_are_exact_and_blobs_are_tagged() {
        let values = [
            ValueRef::Integer(i64::MIN),
            ValueRef::Integer(i64::MAX),
            ValueRef::Blob(b"\x00\xff"),
            ValueRef::Blob(b""),
        ];
        assert_eq!(
            row(&values),
            r#"[-9223372036854775808,9223372036854775807,{"base64":"AP8="},{"base64":""}]"#
        );
    }

    #[test]
    fn text_is_escaped_and_stays_valid_where_it_is_not_utf8() {
        assert_eq!(row(&[ValueRef::Text("a\"\\\n\u{1}é".as_bytes())]), r#"["a\"\\\n\u0001é"]"#);
        assert_eq!(row(&[ValueRef::Text(b"a\xffb")]), "[\"a\u{fffd}b\"]");
    }

    #[test]
    fn a_row_taken_back_leaves_no_trace() {
        let mut encoder = ResultEncoder::new(true);
        encoder.begin(["a", "b"]);
        encoder.row_begin();
        encoder.value(ValueRef::Integer(1));
        encoder.row_end();
        encoder.row_begin();
        encoder.value(ValueRef::Integer(2));
        encoder.row_end();
        encoder.row_undo();
        encoder.finish(0, 0, true);
        let body = String::from_utf8(encoder.into_body()).unwrap();
        assert_eq!(
            body,
            "{\"results\":[{\"columns\":[\"a\",\"b\"],\"rows\":[[1]],\"rows_affected\":0,\"last_insert_id\":0,\"truncated\":true}]}\n"
        );
    }
}
