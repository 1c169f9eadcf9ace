//! Whatever is encoded as a result reads back as the same argument.
#![expect(clippy::unwrap_used, reason = "a failure here is the test failing")]

use countersign_wire::sql::{Args, Request, ResultEncoder, Value};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_filter("JSON has no NaN and no infinity", |x| x.is_finite()).prop_map(Value::Real),
        any::<String>().prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..64).prop_map(Value::Blob),
    ]
}

fn encoded(row: &[Value]) -> String {
    let mut encoder = ResultEncoder::new(false);
    encoder.begin(row.iter().map(|_| "c"));
    encoder.row_begin();
    row.iter().for_each(|value| encoder.value(value.borrowed()));
    encoder.row_end();
    encoder.finish(0, 0, false);
    String::from_utf8(encoder.into_body()).unwrap()
}

proptest! {
    #[test]
    fn a_row_read_back_as_arguments_is_the_same_row(row in proptest::collection::vec(value(), 1..12)) {
        let body = encoded(&row);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok());
        let start = body.find("\"rows\":[").unwrap() + 8;
        let json = &body[start..body.rfind("],\"rows_affected\"").unwrap()];
        let request = Request::parse(format!(r#"{{"sql":"x","args":{json}}}"#).as_bytes()).unwrap();
        prop_assert_eq!(&request.statements[0].args, &Args::Positional(row));
    }

    #[test]
    fn bytes_of_any_kind_never_make_the_answer_invalid(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut encoder = ResultEncoder::new(true);
        encoder.begin(["t"]);
        encoder.row_begin();
        encoder.value(countersign_wire::sql::ValueRef::Text(&bytes));
        encoder.row_end();
        encoder.finish(0, 0, false);
        let parsed: serde_json::Value = serde_json::from_slice(&encoder.into_body()).unwrap();
        let text = parsed["results"][0]["rows"][0][0].as_str().unwrap();
        prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
    }
}
