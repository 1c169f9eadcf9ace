//! The walk over DER that lists and signed structures are taken apart by.

use bolero::check;
use identity::der;

#[test]
fn any_bytes_are_taken_apart_without_losing_one() {
    check!().for_each(|bytes: &[u8]| {
        let Some((element, rest)) = der::element(bytes) else { return };
        assert_eq!([element, rest].concat(), bytes);
        let tag = *element.first().unwrap();
        let (content, after) = der::content(tag, bytes).unwrap();
        assert_eq!(after, rest);
        // DER knows one way to write an element, so that no two readers can differ about it.
        assert_eq!(der::wrap(tag, &[content]), element);
        assert_eq!(der::optional(tag, bytes), Some((Some(content), rest)));
        assert_eq!(der::content(tag ^ 1, bytes), None);
    });
}

#[test]
fn any_bytes_are_a_moment_within_its_element_or_none() {
    check!().for_each(|bytes: &[u8]| {
        if let Some((moment, rest)) = der::moment(bytes) {
            assert_eq!(Some(rest), der::element(bytes).map(|(_, rest)| rest));
            assert!((0..=9999).contains(&moment.year()));
        }
    });
}
