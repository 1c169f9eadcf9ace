//! Asking for less is told; asking for as much or more is not.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use access::Weakening;
use config::DeniedSerial;
use identity::{FailureMode, Fingerprint, OutdatedCrl, RevocationPolicy, Scope, Serial, Verification};
use proptest::prelude::*;
use proptest::sample::select;
use time::OffsetDateTime;
use transport::TlsVersion;

use super::asked::{Asked, Certificate, Strangers, weaker, weaker_than_each};
use super::revocation::{Listed, Revoking};

/// Somebody arrives.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    version: TlsVersion,
    from_here: bool,
    /// The anchor that vouches for the certificate, its serial, and whether it is of version 1.
    certificate: Option<(u8, u8, bool)>,
}

/// How far somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nowhere,
    AsStranger,
    AsSomebody,
}

/// The rules of a door in one function, written once more for the test.
fn reached(asked: &Asked, arrival: Arrival) -> Reached {
    if asked.profile.is_some() && arrival.version < asked.min_version {
        return Reached::Nowhere;
    }
    let presented = arrival.certificate.filter(|_| asked.certificate > Certificate::NotAsked);
    if let Some((anchor, serial, v1)) = presented {
        let denied = asked.revoking.denied.iter().any(|denied| denied.serial == number(serial));
        let good = asked.anchors.contains_key(&print(anchor)) && (!v1 || asked.allow_x509_v1) && !denied;
        return if good { Reached::AsSomebody } else { Reached::Nowhere };
    }
    let enough = asked.certificate < Certificate::Required;
    match asked.strangers {
        Strangers::Anybody if enough => Reached::AsStranger,
        Strangers::OnThisMachine if enough && arrival.from_here => Reached::AsStranger,
        _ => Reached::Nowhere,
    }
}

fn arrivals() -> Vec<Arrival> {
    let mut all = Vec::new();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        for from_here in [true, false] {
            all.push(Arrival { version, from_here, certificate: None });
            for (anchor, serial, v1) in
                (0..3).flat_map(|a| (0..3).flat_map(move |s| [true, false].map(|v1| (a, s, v1))))
            {
                all.push(Arrival { version, from_here, certificate: Some((anchor, serial, v1)) });
            }
        }
    }
    all
}

fn print(number: u8) -> Fingerprint {
    Fingerprint::parse(&format!("{number:02x}").repeat(32)).unwrap()
}

fn number(serial: u8) -> Serial {
    format!("{:02x}", serial + 1).parse().unwrap()
}

fn denied(serial: u8, issuer: Option<&str>) -> DeniedSerial {
    let issuer = issuer.map(|name| name.parse().unwrap());
    DeniedSerial { serial: number(serial), issuer, place: None }
}

fn list(number: u64) -> Listed {
    Listed {
        issuer: "CN=ca".to_owned(),
        key: None,
        scope: Scope::default(),
        number: Some(number.into()),
        made: OffsetDateTime::UNIX_EPOCH,
    }
}

fn policy() -> impl Strategy<Value = RevocationPolicy> {
    let grace = |seconds| OutdatedCrl::Grace(Duration::from_secs(seconds));
    let outdated = select(vec![OutdatedCrl::FailClosed, grace(1), grace(2), OutdatedCrl::FailOpen]);
    let mode = || select(vec![FailureMode::FailClosed, FailureMode::FailOpen]);
    let both = (mode(), any::<bool>(), any::<bool>(), any::<bool>(), mode());
    let verification = both.prop_map(|(failure_mode, crl, ocsp, check_intermediates, by_list)| {
        let usual = Verification::default();
        let crl = usual.crl.filter(|_| crl).map(|crl| identity::CrlCheck { failure_mode: by_list, ..crl });
        let ocsp = usual.ocsp.filter(|_| ocsp);
        Verification { failure_mode, crl, ocsp, check_intermediates, ..usual }
    });
    (outdated, prop::option::of(verification))
        .prop_map(|(outdated, verification)| RevocationPolicy { outdated, verification })
}

fn revoking() -> impl Strategy<Value = Revoking> {
    let serials = prop::collection::vec((0..3_u8, prop_oneof![Just(None), Just(Some("CN=ca"))]), 0..3);
    (serials, prop::collection::vec(0..3_u64, 0..2), policy()).prop_map(|(serials, lists, policy)| Revoking {
        denied: serials.into_iter().map(|(serial, issuer)| denied(serial, issuer)).collect(),
        lists: lists.into_iter().map(list).collect(),
        policy,
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let certificate = select(vec![Certificate::NotAsked, Certificate::Requested, Certificate::Required]);
    let strangers = select(vec![Strangers::Nobody, Strangers::OnThisMachine, Strangers::Anybody]);
    let version = select(vec![TlsVersion::Tls12, TlsVersion::Tls13]);
    let anchors = prop::collection::btree_set(0..3_u8, 0..3);
    (prop::bool::weighted(0.8), certificate, strangers, version, any::<bool>(), anchors, revoking()).prop_map(
        |(tls, certificate, strangers, min_version, allow_x509_v1, anchors, revoking)| {
            let certificate = if tls { certificate } else { Certificate::NotAsked };
            let asks = certificate > Certificate::NotAsked;
            let named = |anchor: u8| (print(anchor), format!("CN={anchor}"));
            Asked {
                listener: "h2".to_owned(),
                profile: tls.then(|| "prod".to_owned()),
                certificate,
                strangers,
                min_version: if tls { min_version } else { TlsVersion::Tls12 },
                allow_x509_v1: asks && allow_x509_v1,
                anchors: if asks { anchors.into_iter().map(named).collect() } else { BTreeMap::new() },
                revoking: if asks { revoking } else { Revoking::default() },
            }
        },
    )
}

/// One that asks for as much as `one` does where the coin says so, and as much as `other` does elsewhere.
fn mixed(one: &Asked, other: &Asked, coins: [bool; 5]) -> Asked {
    let mut asked = one.clone();
    let [strangers, version, v1, anchors, revoking] = coins;
    if strangers {
        asked.strangers = other.strangers;
    }
    if version && asked.profile.is_some() {
        asked.min_version = other.min_version;
    }
    if asked.certificate > Certificate::NotAsked {
        asked.allow_x509_v1 = if v1 { other.allow_x509_v1 } else { asked.allow_x509_v1 };
        asked.anchors = if anchors { other.anchors.clone() } else { asked.anchors };
        asked.revoking = if revoking { other.revoking.clone() } else { asked.revoking };
    }
    asked
}

fn names(found: Vec<Weakening>) -> HashSet<String> {
    found.into_iter().map(|weakening| weakening.name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_further_where_nothing_is_weaker(old in asked(), other in asked(), coins: [bool; 5]) {
        for new in [mixed(&old, &other, coins), other] {
            if weaker(&old, &new).is_empty() {
                for arrival in arrivals() {
                    prop_assert!(reached(&new, arrival) <= reached(&old, arrival), "{:?}", arrival);
                }
            }
        }
    }

    #[test]
    fn nothing_is_weaker_than_itself(asked in asked()) {
        prop_assert_eq!(weaker(&asked, &asked), []);
    }

    #[test]
    fn what_is_no_weaker_than_what_is_no_weaker_is_no_weaker(
        one in asked(), other in asked(), third in asked(), first: [bool; 5], second: [bool; 5],
    ) {
        let two = mixed(&one, &other, first);
        for three in [mixed(&two, &third, second), third] {
            if weaker(&one, &two).is_empty() && weaker(&two, &three).is_empty() {
                prop_assert_eq!(weaker(&one, &three), []);
            }
        }
    }

    #[test]
    fn asking_for_more_never_tells_of_more(old in asked(), new in asked(), what in 0..6_usize) {
        let mut more = new.clone();
        match what {
            0 => more.strangers = Strangers::Nobody,
            1 if more.profile.is_some() => more.min_version = TlsVersion::Tls13,
            2 => more.allow_x509_v1 = false,
            3 => more.anchors.clear(),
            4 => more.revoking.denied.extend((0..3).map(|serial| denied(serial, None))),
            _ => more.revoking.policy.outdated = OutdatedCrl::FailClosed,
        }
        prop_assert!(names(weaker(&old, &more)).is_subset(&names(weaker(&old, &new))));
        prop_assert!(names(weaker(&new, &old)).is_subset(&names(weaker(&more, &old))));
    }

    #[test]
    fn a_listener_like_one_that_there_was_is_an_addition_unless_it_lets_strangers_in(
        before in prop::collection::vec(asked(), 1..3),
    ) {
        let new = Asked { strangers: Strangers::Nobody, listener: "new".to_owned(), ..before[0].clone() };
        let found = weaker_than_each(&before, &new);
        let none_asked = before.iter().all(|old| old.certificate == Certificate::NotAsked);
        prop_assert!(found.is_empty() || (none_asked && !new.anchors.is_empty()), "{:?}", found);
        let open = Asked { strangers: Strangers::Anybody, ..new };
        prop_assert!(names(weaker_than_each(&before, &open)).contains("anonymous new"));
    }
}

fn strict() -> Asked {
    Asked {
        listener: "h2".to_owned(),
        profile: Some("prod".to_owned()),
        certificate: Certificate::Required,
        strangers: Strangers::Nobody,
        min_version: TlsVersion::Tls13,
        allow_x509_v1: false,
        anchors: BTreeMap::from([(print(1), "CN=one".to_owned())]),
        revoking: Revoking {
            denied: vec![denied(1, Some("CN=ca"))],
            lists: vec![list(7)],
            policy: RevocationPolicy {
                verification: Some(Verification::default()),
                ..RevocationPolicy::default()
            },
        },
    }
}

#[test]
fn each_weakening_has_its_name_and_says_what_was_before() {
    let told = |change: &dyn Fn(&mut Asked)| {
        let mut new = strict();
        change(&mut new);
        let found: Vec<String> =
            weaker(&strict(), &new).into_iter().map(|one| format!("{}: {}", one.name, one.what)).collect();
        found.join("; ")
    };
    assert_eq!(
        told(&|new| new.certificate = Certificate::Requested),
        "client-auth h2: at listener \"h2\" a client certificate may be left out; before, it is required"
    );
    assert_eq!(
        told(&|new| new.strangers = Strangers::Anybody),
        "anonymous h2: listener \"h2\" lets peers in that do not sign in, from anywhere"
    );
    assert_eq!(
        told(&|new| new.min_version = TlsVersion::Tls12),
        "min-version prod 1.2: tls profile \"prod\" speaks TLS 1.2; before: 1.3 and later"
    );
    assert_eq!(
        told(&|new| drop(new.anchors.insert(print(2), "CN=two".to_owned()))),
        format!("trust-anchor prod {}: tls profile \"prod\" trusts the client authority CN=two", print(2))
    );
    assert_eq!(
        told(&|new| new.revoking.denied.clear()),
        "revocation prod serial 02: tls profile \"prod\" no longer refuses the serial 02 of CN=ca"
    );
    assert_eq!(
        told(&|new| new.revoking.lists = vec![list(6)]),
        "revocation prod list CN=ca: tls profile \"prod\" no longer has the list 0x07 of CN=ca, nor a later one"
    );
    assert_eq!(
        told(&|new| new.revoking.policy.verification = None),
        "revocation prod verification: tls profile \"prod\": authorities are no longer asked"
    );
    assert_eq!(told(&|new| new.revoking.lists = vec![list(8)]), "", "a later list");
    assert_eq!(told(&|new| new.revoking.denied = vec![denied(1, None)]), "", "from every issuer");
}

#[test]
fn asking_that_lets_in_whom_an_outdated_list_kept_out_is_weaker() {
    let begun = |lists: Vec<Listed>, outdated, change: &dyn Fn(&mut Verification)| {
        let revoking = |verification| Revoking {
            lists: lists.clone(),
            policy: RevocationPolicy { outdated, verification },
            ..Revoking::default()
        };
        let mode = FailureMode::FailClosed;
        let usual = Verification::default();
        let mut verification = Verification {
            failure_mode: mode,
            crl: usual.crl.map(|crl| identity::CrlCheck { failure_mode: mode, ..crl }),
            ocsp: usual.ocsp.map(|ocsp| identity::OcspCheck { failure_mode: mode, ..ocsp }),
            check_intermediates: true,
            ..usual
        };
        change(&mut verification);
        let [old, new] = [None, Some(verification)]
            .map(|verification| Asked { revoking: revoking(verification), ..strict() });
        let mut names: Vec<String> = names(weaker(&old, &new)).into_iter().collect();
        names.sort();
        names
    };
    let closed = || OutdatedCrl::FailClosed;
    let open = |verification: &mut Verification| verification.failure_mode = FailureMode::FailOpen;
    assert_eq!(begun(vec![list(7)], closed(), &|_| {}), [""; 0]);
    assert_eq!(begun(vec![list(7)], closed(), &open), ["revocation prod failure-mode"]);
    let grace = OutdatedCrl::Grace(Duration::from_secs(1));
    assert_eq!(begun(vec![list(7)], grace, &open), ["revocation prod failure-mode"]);
    assert_eq!(begun(vec![list(7)], OutdatedCrl::FailOpen, &open), [""; 0], "nobody was kept out");
    assert_eq!(begun(Vec::new(), closed(), &open), [""; 0], "there was no list");
    assert_eq!(
        begun(vec![list(7)], closed(), &|asked| {
            asked.ocsp =
                asked.ocsp.map(|ocsp| identity::OcspCheck { failure_mode: FailureMode::FailOpen, ..ocsp });
        }),
        ["revocation prod failure-mode"],
        "one method is enough"
    );
    assert_eq!(
        begun(vec![list(7)], closed(), &|asked| asked.check_intermediates = false),
        ["revocation prod check-intermediates"]
    );
    assert_eq!(
        begun(Vec::new(), closed(), &|asked| asked.allow_private_addresses = true),
        ["revocation prod allow-private-addresses"]
    );
}

#[test]
fn a_further_method_that_fails_open_and_private_addresses_are_weaker() {
    let asking = |verification| {
        let policy = RevocationPolicy { verification: Some(verification), ..RevocationPolicy::default() };
        Asked { revoking: Revoking { policy, ..Revoking::default() }, ..strict() }
    };
    let told = |old, new| names(weaker(&asking(old), &asking(new))).into_iter().collect::<Vec<_>>();
    let open = Verification::default()
        .crl
        .map(|crl| identity::CrlCheck { failure_mode: FailureMode::FailOpen, ..crl });
    let alone = Verification { failure_mode: FailureMode::FailClosed, crl: None, ..Verification::default() };
    assert_eq!(told(alone, Verification { crl: open, ..alone }), ["revocation prod crl-failure-mode"]);
    let private = Verification { allow_private_addresses: true, ..alone };
    assert_eq!(told(alone, private), ["revocation prod allow-private-addresses"]);
    assert_eq!(told(private, private), [""; 0]);
}
