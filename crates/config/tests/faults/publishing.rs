//! What is published: an address that nobody can fetch from and times that help nobody are faults.

use super::{said, with};

fn publishing(text: &str) -> String {
    let issuers = "issuers: { client: { cert: c.crt, key: c.key } }";
    let authority = format!("authority: {{ {issuers}, {text} }}");
    said(&format!("{}\nledger: {{ url: \"sqlite:l.db\" }}", with(&authority)))
}

#[test]
fn what_cannot_be_published_as_written_is_a_fault() {
    assert_eq!(publishing("root_cert: r.crt"), "nothing is wrong");
    for (written, words) in [
        ("distribution_url: 'https://pki.example'", "is no address for distribution"),
        ("distribution_url: 'pki.example'", "is no address for distribution"),
        ("distribution_url: ''", "is no address for distribution"),
        ("distribution_url: 'http://pki.example/?a=b'", "is no address for distribution"),
        ("distribution_url: \"http://pki.example/a b\"", "is no address for distribution"),
        ("crl: { shard_entries: 0 }", "authority.crl.shard_entries leaves no room"),
        ("crl: { shard_entries: -1 }", "shard_entries"),
        ("crl: { lifetime: 10ms }", "authority.crl.lifetime is no lifetime"),
        ("ocsp: { lifetime: 59s }", "authority.ocsp.lifetime is not between a minute and a week"),
        ("ocsp: { lifetime: 8d }", "authority.ocsp.lifetime is not between a minute and a week"),
        ("ocsp: { lifetime: soon }", "is not a duration"),
        (
            "profiles: { minted: { lifetime: 1h, usages: [client] } }",
            "authority profile \"minted\" is the node's own",
        ),
        ("root_ocsp: { cert: o.crt }", "authority.root_ocsp needs cert and key"),
        ("root_ocsp: { key: o.key }", "authority.root_ocsp needs cert and key"),
        ("root_ocps: { cert: o.crt, key: o.key }", "did you mean \"root_ocsp\"?"),
    ] {
        let said = publishing(&format!("root_cert: r.crt, {written}"));
        assert!(said.contains(words), "{written}: {said}");
    }
    for written in
        ["ocsp: { lifetime: 1m }", "ocsp: { lifetime: 7d }", "root_ocsp: { cert: o.crt, key: o.key }"]
    {
        assert_eq!(publishing(&format!("root_cert: r.crt, {written}")), "nothing is wrong", "{written}");
    }
}

#[test]
fn what_a_root_has_signed_needs_the_root_beside_it() {
    for (written, words) in [
        ("root_crl: r.crl", "authority.root_crl is the list of a root that is not named"),
        (
            "root_ocsp: { cert: o.crt, key: o.key }",
            "authority.root_ocsp answers for a root that is not named",
        ),
    ] {
        let said = publishing(written);
        assert!(said.contains(words) && said.contains("write root_cert beside it"), "{written}: {said}");
    }
}
