//! Texts as PostgreSQL can hold them: it takes every character but U+0000, which a peer can send us all the same.
//!
//! U+0000 is stored as `␛0`, and `␛` itself, which hardly anybody writes, as `␛␛`.

use std::borrow::Cow;

/// A text as it is stored.
pub(crate) fn stored(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', ESCAPE]) {
        Cow::Owned(text.replace(ESCAPE, "␛␛").replace('\0', "␛0"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that was [`stored`].
pub(crate) fn restored(stored: String) -> String {
    if !stored.contains(ESCAPE) {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE => match characters.next() {
                Some('0') => text.push('\0'),
                Some(other) => text.push(other),
                None => text.push(ESCAPE),
            },
            other => text.push(other),
        }
    }
    text
}

const ESCAPE: char = '␛';

#[cfg(test)]
mod tests {
    use super::{restored, stored};

    #[test]
    fn every_text_comes_back_as_it_was_and_is_stored_without_a_zero() {
        for text in ["", "Käse", "a\0b", "\0", "␛", "␛0", "␛␛0\0␛", "0"] {
            let held = stored(text).into_owned();
            assert!(!held.contains('\0'), "{held:?}");
            assert_eq!(restored(held), text);
        }
    }
}
