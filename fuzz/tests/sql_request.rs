//! Whatever a client sends as a query, it is read or refused; what is read holds what it promises.

use wire::sql::{Args, Request};

#[test]
fn any_body_is_a_request_or_a_reason() {
    bolero::check!().for_each(|body: &[u8]| match Request::parse(body) {
        Ok(request) => {
            assert!(!request.statements.is_empty());
            assert!(request.batch || request.statements.len() == 1);
            for statement in &request.statements {
                assert!(!statement.sql.is_empty());
                if let Args::Named(named) = &statement.args {
                    let names: std::collections::HashSet<_> = named.iter().map(|(name, _)| name).collect();
                    assert_eq!(names.len(), named.len());
                }
            }
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    });
}

#[test]
fn any_argument_is_a_value_or_a_reason() {
    bolero::check!().with_type::<String>().for_each(|json| {
        let body = format!(r#"{{"sql":"SELECT 1","args":{json}}}"#);
        if let Err(why) = Request::parse(body.as_bytes()) {
            assert!(!why.to_string().is_empty());
        }
    });
}
