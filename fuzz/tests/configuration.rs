//! The configuration reader: no text may make it panic, or take more than a moment.

use std::path::Path;

use bolero::check;
use config::{Sources, read_text};

#[test]
fn no_text_breaks_the_configuration_reader() {
    check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let _ = read_text(&Sources::default(), &text, Path::new("/"));
    });
}
