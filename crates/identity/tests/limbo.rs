//! Every x509-limbo case judged by `identity::verify`; where we differ from the expected result, the reason is listed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a corpus of another shape fails by panicking"
)]

use std::collections::BTreeMap;

use countersign_identity::{Certificate, Crl, List, Purpose, Revocations, Strictness, Trust, verify};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The moment for cases that name none.
const SOME_MOMENT: &str = "2026-01-01T00:00:00Z";

const NO_DEPTH: &str = "we have no setting for the depth of a chain";
const CONFIGURED_ROOT: &str = "an authority is configured by hand; its own key identifiers decide nothing";
const NO_IDENTIFIER: &str =
    "old openssl recipes and many private authorities write no key identifiers; signatures decide";
const CN_IS_NO_HOST: &str = "a common name is never taken for a host name, so it need not repeat one";
const CA_IS_NO_PEER: &str = "stricter: an authority's certificate is not taken for a peer's own";
const EMAIL_CLOSED: &str =
    "stricter: webpki knows no constraints on e-mail addresses and refuses a name under one";
const SELF_ISSUED: &str = "stricter: webpki makes no exception for self-issued intermediates";
const PUBLIC_WEB: &str = "a rule for the public web alone; private authorities do otherwise";
const SUFFIX: &str = "there is no list of public suffixes in a private network; whoever issued the name may";

/// Where our verdict differs, and why; anything else fails, and so does an entry that no longer differs.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "crl::crlnumber-missing",
        "old openssl configurations leave the number out; then the date tells the newest",
    ),
    ("cve::cve-2024-0567", "stricter: ten certificates are presented, and we read at most eight"),
    ("pathlen::validation-ignores-pathlen-in-leaf", CA_IS_NO_PEER),
    ("pathlen::self-issued-certs-pathlen", SELF_ISSUED),
    ("pathlen::max-chain-depth-0-exhausted", NO_DEPTH),
    ("pathlen::max-chain-depth-1-exhausted", NO_DEPTH),
    ("rfc5280::aki::leaf-missing-aki", NO_IDENTIFIER),
    ("rfc5280::aki::intermediate-missing-aki", NO_IDENTIFIER),
    ("rfc5280::aki::cross-signed-root-missing-aki", NO_IDENTIFIER),
    (
        "rfc5280::nc::permitted-dns-match-noncritical",
        "the constraint is kept whether or not it is critical; webpki::nc asks for success",
    ),
    (
        "rfc5280::nc::permitted-dn-match",
        "stricter: webpki knows no constraints on directory names and refuses a name under one",
    ),
    ("rfc5280::nc::permitted-self-issued", SELF_ISSUED),
    (
        "rfc5280::nc::invalid-dnsname-leading-period",
        "a leading period is customary, and is read as what it means: names below",
    ),
    ("rfc5280::nc::nc-permits-email-exact", EMAIL_CLOSED),
    ("rfc5280::nc::nc-permits-email-domain", EMAIL_CLOSED),
    ("rfc5280::nc::nc-permits-email-literal-asterisk-exact-match", EMAIL_CLOSED),
    ("rfc5280::nc::nc-permits-email-literal-double-asterisk", EMAIL_CLOSED),
    ("rfc5280::nc::nc-permits-email-literal-mid-asterisk", EMAIL_CLOSED),
    ("rfc5280::pc::ica-noncritical-pc", "certificate policies decide nothing here"),
    (
        "rfc5280::san::noncritical-with-empty-subject",
        "openssl writes it so unless told otherwise, and the names are read all the same",
    ),
    ("rfc5280::san::underscore-dns", "internal host names have underscores"),
    ("rfc5280::serial::zero", "private authorities begin to count at zero"),
    ("rfc5280::ski::root-missing-ski", NO_IDENTIFIER),
    ("rfc5280::ski::intermediate-missing-ski", NO_IDENTIFIER),
    (
        "rfc5280::root-non-critical-basic-constraints",
        "old openssl configurations write roots so, and the constraints are kept all the same",
    ),
    ("rfc5280::ca-as-leaf", CA_IS_NO_PEER),
    ("webpki::aki::root-with-aki-missing-keyidentifier", CONFIGURED_ROOT),
    ("webpki::aki::root-with-aki-authoritycertissuer", CONFIGURED_ROOT),
    ("webpki::aki::root-with-aki-authoritycertserialnumber", CONFIGURED_ROOT),
    ("webpki::aki::root-with-aki-all-fields", CONFIGURED_ROOT),
    ("webpki::aki::root-with-aki-ski-mismatch", CONFIGURED_ROOT),
    ("webpki::cn::ipv4-hex-mismatch", CN_IS_NO_HOST),
    ("webpki::cn::ipv4-leading-zeros-mismatch", CN_IS_NO_HOST),
    ("webpki::cn::ipv6-uppercase-mismatch", CN_IS_NO_HOST),
    ("webpki::cn::ipv6-uncompressed-mismatch", CN_IS_NO_HOST),
    ("webpki::cn::ipv6-non-rfc5952-mismatch", CN_IS_NO_HOST),
    ("webpki::cn::punycode-not-in-san", CN_IS_NO_HOST),
    ("webpki::cn::utf8-vs-punycode-mismatch", CN_IS_NO_HOST),
    ("webpki::cn::not-in-san", CN_IS_NO_HOST),
    ("webpki::cn::case-mismatch", CN_IS_NO_HOST),
    ("webpki::eku::ee-anyeku", "it is also for serverAuth, which is what we ask"),
    ("webpki::eku::ee-critical-eku", PUBLIC_WEB),
    ("webpki::eku::ee-without-eku", "no usage named means every usage; openssl recipes leave it out"),
    ("webpki::eku::root-has-eku", "authorities limited to one usage are what we recommend"),
    ("webpki::san::public-suffix-multi-label-wildcard-san", SUFFIX),
    ("webpki::san::public-suffix-private-namespace-wildcard-san", SUFFIX),
    ("webpki::san::san-critical-with-nonempty-subject", PUBLIC_WEB),
];

/// Our verdict on a case: `Ok`, or why not.
fn verdict(case: &Value) -> Result<(), String> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let list = |name: &str| case[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let der = |pem: &Value| CertificateDer::from_pem_slice(pem.as_str().unwrap().as_bytes()).unwrap();
    let mut unreadable = Vec::new();
    let anchors = list("trusted_certs")
        .iter()
        .filter_map(|pem| {
            Certificate::from_der(der(pem)).map_err(|why| unreadable.push(why.to_string())).ok()
        })
        .collect();
    let lists = list("crls").iter().map(|pem| Crl::from_pem_or_der(pem.as_str().unwrap().as_bytes()));
    let lists = lists.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let lists = lists.into_iter().flatten().map(|crl| List::from_file(crl.into(), "limbo.crl"));
    let revocations = Revocations::default().with_lists(lists);
    let trust = Trust::new(anchors, Strictness::default()).with_revocations(revocations.into());
    let chain: Vec<CertificateDer<'_>> = [der(&case["peer_certificate"])]
        .into_iter()
        .chain(list("untrusted_intermediates").iter().map(der))
        .collect();
    let purpose = if text("validation_kind") == "CLIENT" { Purpose::Client } else { Purpose::Server };
    let moment = case["validation_time"].as_str().unwrap_or(SOME_MOMENT);
    let now = OffsetDateTime::parse(moment, &Rfc3339).unwrap();
    let name = case["expected_peer_name"]["value"].as_str();
    match verify(&chain, &trust, purpose, name, now) {
        Ok(_) => Ok(()),
        Err(refusal) if unreadable.is_empty() => Err(refusal.to_string()),
        Err(refusal) => Err(format!("{refusal} (authority: {})", unreadable.join(", "))),
    }
}

#[test]
fn every_limbo_case_ends_as_expected_or_as_listed() {
    let limbo: Value = serde_json::from_str(include_str!("limbo.json")).unwrap();
    let cases = limbo["testcases"].as_array().unwrap();
    assert_eq!(cases.len(), 208);
    let mut listed: BTreeMap<&str, &str> = DIFFERENCES.iter().copied().collect();
    assert_eq!(listed.len(), DIFFERENCES.len(), "a case is listed twice");
    let mut wrong = Vec::new();
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let expected = case["expected_result"].as_str().unwrap();
        let verdict = verdict(case);
        let agrees = verdict.is_ok() == (expected == "SUCCESS");
        match (agrees, listed.remove(id)) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => wrong.push(format!("{id}: expected {expected}, ours is {verdict:?}")),
            (true, Some(reason)) => {
                wrong.push(format!("{id}: listed as a difference ({reason}), and is none"));
            }
        }
    }
    wrong.extend(listed.keys().map(|id| format!("{id}: listed, and no such case")));
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
