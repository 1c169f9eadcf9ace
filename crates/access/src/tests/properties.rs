//! The index finds what comparing every entry would find.

use std::sync::LazyLock;

use identity::Verified;
use proptest::prelude::*;

use super::made::{authority, params, principal, who};
use crate::claim::Claim;
use crate::{Directory, MtlsMatch};

/// Certificates of every combination of two names, two organizations and two units.
static CERTIFICATES: LazyLock<Vec<Verified>> = LazyLock::new(|| {
    let authority = authority();
    let mut all = Vec::new();
    for name in ["a", "b"] {
        for organization in ["a", "b"] {
            for uri in ["a:a", "a:b"] {
                let mut params = params(name);
                params.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
                params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())];
                all.push(authority.verified(&params));
            }
        }
    }
    all
});

fn letter(prefix: &'static str) -> impl Strategy<Value = Option<String>> {
    prop_oneof![2 => Just(None), 1 => Just(Some(format!("{prefix}a"))), 1 => Just(Some(format!("{prefix}b")))]
}

fn entry() -> impl Strategy<Value = MtlsMatch> {
    (letter(""), letter(""), letter("a:"))
        .prop_map(|(subject_cn, subject_o, san_uri)| MtlsMatch {
            subject_cn,
            subject_o,
            san_uri,
            ..MtlsMatch::default()
        })
        .prop_filter("an entry needs a condition", |entry| !Claim::all_of(entry).is_empty())
}

fn entries() -> impl Strategy<Value = Vec<Vec<MtlsMatch>>> {
    prop::collection::vec(prop::collection::vec(entry(), 0..3), 0..4)
}

/// Who it is by comparing everything with everything.
fn compared(principals: &[Vec<MtlsMatch>], verified: &Verified) -> Result<String, String> {
    let meets = |entry: &MtlsMatch| Claim::all_of(entry).iter().all(|claim| claim.holds(verified));
    let found: Vec<usize> = (0..principals.len()).filter(|n| principals[*n].iter().any(meets)).collect();
    match found.as_slice() {
        [one] => Ok(one.to_string()),
        [] => Err("unmapped-certificate".to_owned()),
        _ => Err("ambiguous-identity".to_owned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn looking_up_agrees_with_comparing_everything(principals in entries()) {
        let specs = principals.iter().enumerate().map(|(n, entries)| principal(&n.to_string(), entries.clone()));
        if let Ok(directory) = Directory::new(specs.collect()) {
            for verified in CERTIFICATES.iter() {
                prop_assert_eq!(who(&directory, verified), compared(&principals, verified));
            }
        }
    }

    /// What is refused at load could have been recognized by no certificate of one of the two principals.
    #[test]
    fn only_claims_that_are_always_ambiguous_are_refused(first in entry(), second in entry()) {
        let specs = vec![principal("0", vec![first.clone()]), principal("1", vec![second.clone()])];
        let alone: Vec<_> = CERTIFICATES.iter().map(|v| compared(&[vec![first.clone()], vec![second.clone()]], v)).collect();
        let both_can_be = ["0", "1"].iter().all(|name| alone.contains(&Ok((*name).to_owned())));
        prop_assert_eq!(Directory::new(specs).is_ok(), both_can_be);
    }
}
