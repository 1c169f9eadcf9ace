//! What it costs to know who is there and what they may do, with few principals and with many.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

#[expect(dead_code, reason = "each benchmark uses a part of the PKI")]
mod pki;

use access::{
    Accepted, Directory, EVERYONE, GrantSpec, Grants, Level, Method, MtlsMatch, PrincipalSpec, admit,
    recognize,
};
use countersign_bench::stopwatch::Stopwatch;
use pki::Signer;

fn main() {
    let stopwatch = Stopwatch::start();
    let (issuer, now) = (Signer::root(), pki::now());
    let verified = issuer.client("p7", &[]).verified(&issuer.trust());

    for count in [10, 10_000] {
        for (way, entry) in ways(&verified) {
            let (directory, grants) = many(count, &entry);
            let peer = recognize(&directory, &[Accepted::Mtls], Some(&verified), now).unwrap();
            assert_eq!(peer.principal(), Some("p7"));
            stopwatch.each(&format!("recognize by {way} among {count}"), || {
                recognize(&directory, &[Accepted::Mtls], Some(&verified), now).unwrap()
            });
            if way == "subject_cn" {
                let name = format!("admit with {} grants", count * 2 + 1);
                stopwatch.each(&name, || admit(&peer, &grants, "app", now).unwrap());
            }
        }
    }
}

/// The ways to recognize the one certificate.
fn ways(verified: &identity::Verified) -> Vec<(&'static str, MtlsMatch)> {
    let identity = verified.leaf().identity();
    let cn = || Some("p7".to_owned());
    let pin = || Some(identity.spki_sha256());
    let uri = || Some("spiffe://bench/p7".to_owned());
    vec![
        ("subject_cn", MtlsMatch { subject_cn: cn(), ..MtlsMatch::default() }),
        ("spki_sha256", MtlsMatch { spki_sha256: pin(), ..MtlsMatch::default() }),
        ("san_uri", MtlsMatch { san_uri: uri(), ..MtlsMatch::default() }),
        (
            "cn, pin and uri",
            MtlsMatch { subject_cn: cn(), spki_sha256: pin(), san_uri: uri(), ..MtlsMatch::default() },
        ),
    ]
}

/// `count` principals by common name, one of which is p7 by `entry`, each with a grant on two databases.
fn many(count: usize, entry: &MtlsMatch) -> (Directory, Grants) {
    let principal = |number: usize| {
        let name = format!("p{number}");
        let own = MtlsMatch { subject_cn: Some(name.clone()), ..MtlsMatch::default() };
        let entry = if number == 7 { entry.clone() } else { own };
        PrincipalSpec::new(name, vec![Method::Mtls(entry)])
    };
    let grants = |number: usize| {
        let to = |database| GrantSpec::new(database, format!("p{number}"), Level::ReadWrite);
        [to("app"), to("orders")]
    };
    let directory = Directory::new((0..count).map(principal).collect()).unwrap();
    let everyone = GrantSpec::new("public", EVERYONE, Level::ReadOnly);
    let specs = (0..count).flat_map(grants).chain([everyone]).collect();
    let grants = Grants::new(specs, &directory).unwrap();
    (directory, grants)
}
