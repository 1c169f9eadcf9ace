//! Signing in to a real PostgreSQL.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use access::Level;
use fault::Fault;
use identity::Credential;
use testkit::World;
use testkit::certificate::client;

use super::{ask, at, bare, cause, credential, open, role, server, spec, trust, wanted, with_password};
use crate::Pending;
use crate::minting::Minting;
use crate::upstream::trouble::Why;
use crate::upstream::{Identifies, SharedIdentity, SslMode, Upstream, UpstreamAddress, UpstreamSpec, Wanted};

/// Certificates that were made before.
struct Made(HashMap<String, Arc<Credential>>);

impl Made {
    fn of(world: &World, names: &[&str]) -> Identifies {
        world.write("ca.crt", fs::read(server().file("ca.crt")).unwrap());
        world.write("ca.key", fs::read(server().file("ca.key")).unwrap());
        let made = names.iter().map(|name| {
            client(world, "ca", name);
            let file = |kind: &str| world.path(format!("{name}.{kind}"));
            ((*name).to_owned(), credential(&file("crt"), &file("key")))
        });
        Identifies::PerPrincipal(Arc::new(Self(made.collect())))
    }
}

impl Minting for Made {
    fn mint<'a>(&'a self, principal: &'a str) -> Pending<'a, Result<Arc<Credential>, Fault>> {
        let made = self.0.get(principal).cloned().ok_or_else(|| Fault::ours("the authority is asleep"));
        Box::pin(async move { made })
    }

    fn keep_only(&self, _: &dyn Fn(&str) -> bool) {}
}

#[tokio::test]
async fn a_principal_is_seen_by_the_server_in_its_own_name() {
    let world = World::new();
    let upstream = Upstream::new(spec(server(), Made::of(&world, &["ann"]))).unwrap();
    let role = role("ann", Level::ReadWrite);
    let mut link = upstream.open(&wanted(Some("ann"), &role)).await.unwrap();
    let seen = "SELECT current_user || ' ' || client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(ask(&mut link, seen).await.unwrap(), "ann /CN=ann");
    let of_itself = (Box::from("session_authorization"), Box::from("ann"));
    assert!(link.parameters.contains(&of_itself), "{:?}", link.parameters);
    assert!(link.until.is_some(), "the certificate ends");
    // The settings of the same certificate are made once.
    let mut again = upstream.open(&wanted(Some("ann"), &role)).await.unwrap();
    assert_eq!(ask(&mut again, "SELECT current_user").await.unwrap(), "ann");
}

#[tokio::test]
async fn a_server_that_does_not_map_the_name_is_told_which_line_is_missing() {
    let world = World::new();
    let upstream = Upstream::new(spec(server(), Made::of(&world, &["ann"]))).unwrap();
    let role = role("analyst", Level::ReadWrite);
    let unreached = upstream.open(&wanted(Some("ann"), &role)).await.err().unwrap();
    assert_eq!(unreached.why(), Why::Refused);
    let cause = cause(unreached);
    assert!(cause.starts_with("upstream-refused: "), "{cause}");
    assert!(cause.contains("certificate authentication failed for user \"analyst\""), "{cause}");
    assert!(cause.contains("pg_ident.conf: countersign ann analyst"), "{cause}");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_made_lets_nobody_in() {
    let world = World::new();
    let upstream = Upstream::new(spec(server(), Made::of(&world, &["ann"]))).unwrap();
    let role = role("ann", Level::ReadWrite);
    let unmade = cause(upstream.open(&wanted(Some("bob"), &role)).await.err().unwrap());
    assert!(unmade.contains("the authority is asleep") && unmade.contains("\"bob\""), "{unmade}");
    let nameless = cause(upstream.open(&wanted(None, &role)).await.err().unwrap());
    assert!(nameless.contains("has no name"), "{nameless}");
    // Nor is it enough to come without TLS.
    let address = UpstreamAddress::Tcp { host: "localhost".into(), port: bare().port() };
    let without = at(address, Made::of(&world, &["ann"]));
    let without =
        cause(Upstream::new(without).unwrap().open(&wanted(Some("ann"), &role)).await.err().unwrap());
    assert!(without.contains("the connection has no TLS"), "{without}");
}

#[tokio::test]
async fn one_certificate_for_all_is_presented_where_that_is_configured() {
    let world = World::new();
    world.write("ca.crt", fs::read(server().file("ca.crt")).unwrap());
    world.write("ca.key", fs::read(server().file("ca.key")).unwrap());
    client(&world, "ca", "ann");
    let shared = Some(credential(&world.path("ann.crt"), &world.path("ann.key")));
    let identity = || Identifies::Shared(SharedIdentity { credential: shared.clone(), password: None });
    let mut link = open(spec(server(), identity()), "ann").await.unwrap();
    assert_eq!(ask(&mut link, "SELECT current_user").await.unwrap(), "ann");
    let missing = cause(open(spec(server(), identity()), "analyst").await.err().unwrap());
    assert!(missing.contains("pg_ident.conf: countersign ann analyst"), "{missing}");
    // A server that wants a certificate and is given none says so.
    let none = cause(open(spec(server(), with_password("pw")), "ann").await.err().unwrap());
    assert!(none.contains("requires a valid client certificate"), "{none}");
    assert!(none.contains("ssl_cert and ssl_key"), "{none}");
}

#[tokio::test]
async fn a_password_is_shown_by_scram_and_bound_to_the_server_over_tls() {
    let mut bound = open(spec(server(), with_password("pw")), "scram").await.unwrap();
    assert_eq!(ask(&mut bound, "SELECT current_user").await.unwrap(), "scram");
    let address = UpstreamAddress::Tcp { host: "localhost".into(), port: bare().port() };
    let mut unbound = open(at(address, with_password("pw")), "scram").await.unwrap();
    assert_eq!(ask(&mut unbound, "SELECT current_user").await.unwrap(), "scram");
    let socket = server().folder().join(format!(".s.PGSQL.{}", server().port()));
    let mut local = open(at(UpstreamAddress::Unix(socket), with_password("pw")), "postgres").await.unwrap();
    assert_eq!(ask(&mut local, "SELECT current_user").await.unwrap(), "postgres");
    let wrong = cause(open(spec(server(), with_password("guess")), "scram").await.err().unwrap());
    assert!(wrong.contains("password authentication failed"), "{wrong}");
    assert!(wrong.contains("correct the service's password"), "{wrong}");
    let none = Identifies::Shared(SharedIdentity::default());
    let none = cause(open(spec(server(), none), "scram").await.err().unwrap());
    assert!(none.contains("it wants a password, and the service has none"), "{none}");
}

#[tokio::test]
async fn a_password_in_clear_text_is_given_to_a_server_that_is_vouched_for_and_to_no_other() {
    let mut link = open(spec(server(), with_password("pw")), "clear").await.unwrap();
    assert_eq!(ask(&mut link, "SELECT current_user").await.unwrap(), "clear");
    let unjudged = spec(server(), with_password("pw")).judged(SslMode::Require, None);
    let unjudged = cause(open(unjudged, "clear").await.err().unwrap());
    assert!(unjudged.contains("who it is is not known"), "{unjudged}");
    let address = UpstreamAddress::Tcp { host: "localhost".into(), port: bare().port() };
    let plain = cause(open(at(address, with_password("pw")), "clear").await.err().unwrap());
    assert!(plain.contains("who it is is not known"), "{plain}");
}

#[tokio::test]
async fn md5_is_never_answered() {
    let cause = cause(open(spec(server(), with_password("pw")), "md5").await.err().unwrap());
    assert!(cause.starts_with("upstream-refused: "), "{cause}");
    assert!(cause.contains("MD5, which we do not give") && cause.contains("scram-sha-256"), "{cause}");
}

#[tokio::test]
async fn a_role_that_reads_is_told_to_read_whatever_the_client_says_at_the_start() {
    let parameters = [
        ("Default_Transaction_Read_Only".into(), "off".into()),
        ("options".into(), "-c default_transaction_read_only=off".into()),
        ("user".into(), "postgres".into()),
        ("application_name".into(), "psql".into()),
    ];
    let upstream = Upstream::new(spec(server(), Identifies::Shared(SharedIdentity::default()))).unwrap();
    let role = role("trusted", Level::ReadOnly);
    let wanted = Wanted { principal: Some("ann"), role: &role, replication: None, parameters: &parameters };
    let mut link = upstream.open(&wanted).await.unwrap();
    assert_eq!(ask(&mut link, "SHOW default_transaction_read_only").await.unwrap(), "on");
    assert_eq!(ask(&mut link, "SELECT current_user").await.unwrap(), "trusted");
    assert_eq!(ask(&mut link, "SHOW application_name").await.unwrap(), "psql");
}

#[tokio::test]
async fn what_runs_on_a_link_is_cancelled_over_a_connection_of_its_own() {
    for spec in [
        spec(server(), Identifies::Shared(SharedIdentity::default())),
        at(
            UpstreamAddress::Tcp { host: "localhost".into(), port: bare().port() },
            Identifies::Shared(SharedIdentity::default()),
        ),
    ] {
        let mut link = open(spec, "trusted").await.unwrap();
        let canceller = link.canceller();
        let asked = ask(&mut link, "SELECT pg_sleep(600)");
        // A cancel that comes before the statement is heard is for nobody: it is asked until it is heard.
        let cancelling = async {
            loop {
                canceller.cancel().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let answer = tokio::select! { answer = asked => answer, () = cancelling => unreachable!() };
        assert!(answer.as_ref().is_err_and(|said| said.contains("57014")), "{answer:?}");
    }
}

#[tokio::test]
async fn every_no_of_the_server_names_what_to_do_about_it() {
    let shared = || Identifies::Shared(SharedIdentity::default());
    let stranger = cause(open(spec(server(), shared()), "nobody_knows").await.err().unwrap());
    assert!(stranger.contains("no pg_hba.conf entry"), "{stranger}");
    assert!(stranger.contains("hostssl postgres nobody_knows ADDRESS/32"), "{stranger}");
    let elsewhere = UpstreamSpec { database: "nowhere".into(), ..spec(server(), shared()) };
    let elsewhere = cause(open(elsewhere, "trusted").await.err().unwrap());
    assert!(elsewhere.contains("CREATE DATABASE nowhere"), "{elsewhere}");
    let without = UpstreamAddress::Tcp { host: "localhost".into(), port: bare().port() };
    let without = at(without, shared()).judged(SslMode::VerifyFull, Some(trust(&server().file("ca.crt"))));
    let without = cause(open(without, "trusted").await.err().unwrap());
    assert!(without.starts_with("upstream-unreachable: ") && without.contains("ssl = on"), "{without}");
}

#[tokio::test]
async fn a_principal_has_so_many_connections_and_no_more() {
    let most = UpstreamSpec {
        most: 2,
        most_per_principal: 1,
        ..spec(server(), Identifies::Shared(SharedIdentity::default()))
    };
    let upstream = Upstream::new(most).unwrap();
    let role = role("trusted", Level::ReadWrite);
    let first = upstream.open(&wanted(Some("ann"), &role)).await.unwrap();
    let own = cause(upstream.open(&wanted(Some("ann"), &role)).await.err().unwrap());
    assert!(
        own.starts_with("too-many-connections: ") && own.contains("max_connections_per_principal"),
        "{own}"
    );
    let _second = upstream.open(&wanted(Some("bob"), &role)).await.unwrap();
    let all = cause(upstream.open(&wanted(Some("eve"), &role)).await.err().unwrap());
    assert!(all.contains("raise max_connections"), "{all}");
    drop(first);
    assert!(upstream.open(&wanted(Some("eve"), &role)).await.is_ok());
}
