//! Whatever stands in the place of a database's address, it is read or refused, and never with a password in it.

use wire::libpq::DatabaseUri;

#[test]
fn any_address_of_a_database_is_read_or_refused() {
    bolero::check!().with_type::<String>().for_each(|text| {
        for written in [text.clone(), format!("postgresql://{text}")] {
            match DatabaseUri::parse(&written) {
                Ok(uri) => {
                    let again = DatabaseUri::parse(&uri.to_string()).expect("what is written can be read");
                    assert_eq!(again, uri);
                    assert_eq!(uri.get("password"), None);
                }
                Err(wrong) => assert!(!wrong.to_string().is_empty()),
            }
        }
    });
}
