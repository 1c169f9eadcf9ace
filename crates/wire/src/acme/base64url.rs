//! Base64 as RFC 7515 uses it: the URL-safe alphabet, no padding, and one way to write each value.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes; nothing where there is padding, white space, or a bit set that belongs to no byte.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn each_value_is_written_in_one_way() {
        assert_eq!(decode(&encode(b"\xff\xfe")), Some(b"\xff\xfe".to_vec()));
        for other in ["_-4=", "//4", "_-4\n", "_-5", "_", " _-4"] {
            assert_eq!(decode(other), None, "{other:?}");
        }
    }
}
