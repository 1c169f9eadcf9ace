//! The id of a refusal from a URL: read or refused, and what was read is written as one and the same id again.

use transport::HelloId;

#[test]
fn an_id_is_read_or_refused_and_reads_back() {
    bolero::check!().with_type::<String>().for_each(|text: &String| {
        for text in [text.clone(), format!("ch_{text}")] {
            if let Ok(id) = text.parse::<HelloId>() {
                assert_eq!(id.to_string().parse(), Ok(id));
                assert_eq!(id.to_string().len(), 19);
            }
        }
    });
}
