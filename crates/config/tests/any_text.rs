//! No text makes the reader panic.

use std::path::Path;

use countersign_config::{Sources, read_text};
use proptest::prelude::*;

/// Pieces that configurations are made of, so that chance reaches the rules and not only the YAML parser.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "tls",
        "listeners",
        "auth",
        "principals",
        "methods",
        "mtls",
        "databases",
        "grants",
        "name",
        "mode",
        "files",
        "address",
        "enabled",
        "true",
        "5",
        "limits",
        "authority",
        "issuers",
        "profiles",
        "control_plane",
        "http",
        "certificateVerification",
        "certificateAuthority",
        "revocation",
        "verification",
        "crl",
        "crl_files",
        "revoked_serials",
        "serial",
        "allow_weaker",
        "services",
        "postgres",
        "secrets",
        "roles",
        "map",
        "password",
        "env:A",
        "h2",
        "none",
        "${",
        "}",
        "$$",
        "${A:-b}",
        "*",
        "*a",
        "&a ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ": ",
        "\n",
        "\n  ",
        "\n- ",
        "  ",
        "#",
        "'",
        "\"",
        "|",
        ">",
        "? ",
        "!x ",
        "---\n",
        "...",
        "~",
        "é",
        "\t",
        "\r\n",
        "0.0.0.0:1",
        "\u{0}",
        "%YAML 1.2",
    ];
    prop_oneof![8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_read_or_refused(text in any::<String>()) {
        let _ = read_text(&Sources::default(), &text, Path::new("/"));
    }

    #[test]
    fn arbitrary_pieces_of_configurations_are_read_or_refused(pieces in prop::collection::vec(piece(), 0..60)) {
        let _ = read_text(&Sources::default(), &pieces.concat(), Path::new("/"));
    }
}
