//! Whatever stands behind the question mark of a URL, it is read or refused, and what is read says the same again.

use wire::query::{encoded, parameters};

#[test]
fn any_query_is_parameters_or_a_reason() {
    bolero::check!().with_type::<String>().for_each(|query| match parameters(query) {
        Ok(read) => {
            assert!(read.len() <= query.split('&').count());
            let written: Vec<String> =
                read.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
            assert_eq!(parameters(&written.join("&")), Ok(read));
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    });
}
