//! Lifetimes, names and kinds of key.

use authority::{IssuerKind, Names, Profile, Request, Tier, parse_san};
use identity::{KeyKind, PrivateKey, Usage};
use time::Duration;

use crate::world::{World, client, request, server};

#[tokio::test]
async fn a_leaf_lasts_ninety_days_to_the_second_and_begins_five_minutes_ago() {
    let now = crate::world::now();
    let world = World::with(&Tier::root("test"), now - Duration::days(1)).await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let draft = issuer.draft(&request(client("analyst")), &Profile::client(), now).unwrap();
    let second = now.replace_nanosecond(0).unwrap();
    assert_eq!(draft.summary().not_before, second - Duration::minutes(5));
    assert_eq!(draft.summary().not_after, second + Duration::days(90));
    assert!(draft.warnings().is_empty());
}

#[tokio::test]
async fn no_leaf_begins_before_or_ends_after_its_issuer() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let (from, until) = {
        let identity = issuer.certificate().identity();
        (identity.not_before(), identity.not_after())
    };
    let draft = issuer
        .draft(&request(client("analyst")).lasting(Duration::days(825)), &Profile::client(), world.now)
        .unwrap();
    assert_eq!(draft.summary().not_after, until);
    let warning = draft.warnings().first().unwrap().to_string();
    assert!(warning.contains("no certificate outlives its issuer"), "{warning}");

    let early = from + Duration::SECOND;
    let draft = issuer.draft(&request(client("analyst")), &Profile::client(), early).unwrap();
    assert_eq!(draft.summary().not_before, from);

    for outside in [from - Duration::SECOND, until + Duration::SECOND] {
        let fault = issuer.draft(&request(client("analyst")), &Profile::client(), outside).unwrap_err();
        assert!(fault.to_string().contains("is valid from"), "{fault}");
    }
}

#[tokio::test]
async fn no_issuer_outlives_its_root() {
    let tier = Tier { lifetime: Duration::days(100), ..Tier::root("test") };
    let world = World::with(&tier, crate::world::now()).await;
    let issuer = world.issuer(IssuerKind::Server).await;
    assert_eq!(issuer.certificate().identity().not_after(), world.root.certificate().identity().not_after());
}

#[tokio::test]
async fn any_lifetime_is_given_and_a_long_one_of_a_server_is_warned_of() {
    let world = World::new().await;
    let (servers, clients) = (world.issuer(IssuerKind::Server).await, world.issuer(IssuerKind::Client).await);
    for (days, warned) in [(365, false), (398, false), (399, true), (700, true)] {
        let asked = request(server("db.example.com")).lasting(Duration::days(days));
        let draft = servers.draft(&asked, &Profile::server(), world.now).unwrap();
        assert_eq!(!draft.warnings().is_empty(), warned, "{days}");
        let asked = request(client("analyst")).lasting(Duration::days(days));
        assert!(
            clients.draft(&asked, &Profile::client(), world.now).unwrap().warnings().is_empty(),
            "{days}"
        );
    }
    let five_minutes = request(client("analyst")).lasting(Duration::minutes(5));
    let draft = clients.draft(&five_minutes, &Profile::client(), world.now).unwrap();
    assert_eq!(draft.summary().not_after, world.now.replace_nanosecond(0).unwrap() + Duration::minutes(5));
    for wrong in [Duration::ZERO, Duration::days(-1), Duration::days(4_000_000), Duration::MAX] {
        assert!(clients.draft(&request(client("a")).lasting(wrong), &Profile::client(), world.now).is_err());
    }
}

#[tokio::test]
async fn a_profile_refuses_what_it_does_not_allow_and_says_how_to_ask() {
    let world = World::new().await;
    let (servers, clients) = (world.issuer(IssuerKind::Server).await, world.issuer(IssuerKind::Client).await);
    let refused = |issuer: &authority::Authority, profile: &Profile, asked: &Request| {
        issuer.draft(asked, profile, world.now).unwrap_err().to_string()
    };
    let said = refused(&servers, &Profile::server(), &request(Names::common("not a host name")));
    assert!(said.contains("needs a host name or address") && said.contains("--san"), "{said}");
    let said = refused(&clients, &Profile::client(), &request(Names::default()));
    assert!(said.contains("no common name") && said.contains("--cn"), "{said}");
    let said = refused(&clients, &Profile::client(), &request(client("two\nlines")));
    assert!(said.contains("cannot stand in a certificate"), "{said}");
    let only_ed25519 = Profile::client().with_keys(vec![KeyKind::Ed25519]).unwrap();
    let said = refused(&clients, &only_ed25519, &request(client("analyst")));
    assert!(said.contains("its key is ecdsa-p256") && said.contains("ed25519"), "{said}");
    let big_rsa = Profile::client().with_keys(vec![KeyKind::Rsa(3072)]).unwrap();
    let small =
        Request::for_key(&PrivateKey::generate(KeyKind::Rsa(2048)).unwrap(), client("analyst")).unwrap();
    assert!(refused(&clients, &big_rsa, &small).contains("its key is rsa-2048"));
}

#[tokio::test]
async fn a_common_name_that_is_a_host_becomes_the_alternative_name_of_a_server() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Server).await;
    let leaf = world.issue(&issuer, &Profile::server(), Names::common("db.example.com")).await;
    assert_eq!(leaf.identity().sans(), [parse_san("db.example.com").unwrap()]);
}

#[test]
fn a_profile_of_ones_own_has_server_and_client_usages_only() {
    assert!(Profile::new("device", vec![Usage::ClientAuth]).is_ok());
    assert!(Profile::new("device", vec![]).is_err());
    assert!(Profile::new("device", vec![Usage::Any]).is_err());
    assert!(Profile::client().with_lifetime(Duration::seconds(59)).is_err());
    assert!(Profile::client().with_keys(vec![]).is_err());
}
