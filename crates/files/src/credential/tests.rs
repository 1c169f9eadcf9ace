use std::path::PathBuf;

use fault::Fault;
use identity::Credential;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{load_credential, load_server_credential};
use crate::{create_secret, replace_secret, write_public};

/// A folder with `client.crt` and `client.key`: valid from 2026-01-01 to 2026-12-31.
struct World {
    folder: TempDir,
    params: CertificateParams,
    key: KeyPair,
}

type Loaded = Result<(Credential, Vec<Fault>), Fault>;

impl World {
    fn new(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "analyst");
        (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2026, 12, 31));
        let world = Self { folder: tempfile::tempdir().unwrap(), params, key: KeyPair::generate().unwrap() };
        let certificate = world.params.self_signed(&world.key).unwrap();
        write_public(&world.path("client.crt"), certificate.pem().as_bytes()).unwrap();
        create_secret(&world.path("client.key"), world.key.serialize_pem().as_bytes()).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn client(&self, now: OffsetDateTime) -> Loaded {
        load_credential(&self.path("client.crt"), &self.path("client.key"), None, now)
    }

    fn server(&self, now: OffsetDateTime) -> Loaded {
        load_server_credential(&self.path("client.crt"), &self.path("client.key"), None, now)
    }

    /// The text of a fault without this folder's name.
    fn text(&self, fault: &Fault) -> String {
        assert!(fault.place().is_some() && fault.remedy_text().is_some(), "{fault}");
        fault.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }

    fn warnings(&self, loaded: Loaded) -> Vec<String> {
        loaded.unwrap().1.iter().map(|warning| self.text(warning)).collect()
    }
}

fn june() -> OffsetDateTime {
    date_time_ymd(2026, 6, 1)
}

#[test]
fn a_good_credential_loads_without_a_warning() {
    let world = World::new(&["db.example.com"]);
    let (credential, warnings) = world.client(june()).unwrap();
    assert_eq!(credential.leaf().identity().common_name().one(), Some("analyst"));
    assert_eq!(warnings, []);
    assert_eq!(world.warnings(world.server(june())), Vec::<String>::new());
}

#[test]
fn an_expired_certificate_names_its_end_and_the_command_that_shows_it() {
    let world = World::new(&[]);
    let text = world.text(&world.client(date_time_ymd(2027, 1, 1)).unwrap_err());
    assert!(
        text.contains("the certificate of \"CN=analyst\" has expired: notAfter=2026-12-31T00:00:00Z"),
        "{text}"
    );
    assert!(text.contains("openssl x509 -enddate -noout -in client.crt"), "{text}");
    assert!(text.contains("cause: it is now 2027-01-01T00:00:00Z"), "{text}");
}

#[test]
fn a_certificate_that_is_not_yet_valid_names_both_ends() {
    let world = World::new(&[]);
    let text = world.text(&world.client(date_time_ymd(2025, 12, 31)).unwrap_err());
    assert!(text.contains("is not yet valid: notBefore=2026-01-01"), "{text}");
    assert!(text.contains("notAfter=2026-12-31"), "{text}");
    assert!(text.contains("openssl x509 -enddate -noout -in client.crt"), "{text}");
}

#[test]
fn a_client_is_warned_for_a_week_and_a_server_for_thirty_days() {
    let world = World::new(&["db.example.com"]);
    let (week, month) = (date_time_ymd(2026, 12, 25), date_time_ymd(2026, 12, 2));
    let warnings = world.warnings(world.client(week));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("expires in 6 days: notAfter=2026-12-31"), "{warnings:?}");
    assert!(world.warnings(world.client(month)).is_empty());
    assert!(world.warnings(world.server(month))[0].contains("expires in 29 days"));
    assert!(world.warnings(world.server(date_time_ymd(2026, 12, 1))).is_empty());
}

#[test]
fn a_server_certificate_without_a_name_is_warned_of() {
    let world = World::new(&[]);
    assert!(world.warnings(world.client(june())).is_empty());
    assert!(world.warnings(world.server(june()))[0].contains("has no subject alternative name"));
}

#[test]
fn a_missing_key_file_is_told_in_the_words_of_libpq() {
    let world = World::new(&[]);
    std::fs::remove_file(world.path("client.key")).unwrap();
    let text = world.text(&world.client(june()).unwrap_err());
    assert!(
        text.starts_with("client.key: certificate present, but not private key file \"client.key\""),
        "{text}"
    );
}

#[test]
fn a_key_of_another_certificate_is_a_mismatch_with_both_hashes_and_commands_for_every_algorithm() {
    let world = World::new(&[]);
    let other = KeyPair::generate().unwrap();
    let own_pin = world.client(june()).unwrap().0.leaf().identity().spki_sha256();
    replace_secret(&world.path("client.key"), other.serialize_pem().as_bytes()).unwrap();
    let text = world.text(&world.client(june()).unwrap_err());
    assert!(text.contains("could not load private key file \"client.key\": key values mismatch"), "{text}");
    assert!(text.contains(&format!("the public key of \"client.crt\" has SHA-256 {own_pin}")), "{text}");
    assert!(text.contains("openssl x509 -in client.crt -pubkey -noout | "), "{text}");
    assert!(text.contains("openssl pkey -in client.key -pubout "), "{text}");
}

#[test]
fn der_is_accepted_with_a_warning() {
    let world = World::new(&[]);
    let certificate = world.params.self_signed(&world.key).unwrap();
    write_public(&world.path("client.crt"), certificate.der()).unwrap();
    let warnings = world.warnings(world.client(june()));
    assert!(warnings[0].contains("looks like DER; it was accepted"), "{warnings:?}");
    assert!(warnings[0].contains("openssl x509 -inform der"), "{warnings:?}");
}

#[test]
fn a_chain_in_any_order_loads_leaf_first_and_a_gap_is_warned_of() {
    let world = World::new(&[]);
    let authority_of = |name: &str, issuer: Option<&Issuer<'_, &KeyPair>>, key: &KeyPair| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate =
            issuer.map_or_else(|| params.self_signed(key), |issuer| params.signed_by(key, issuer));
        (params, certificate.unwrap().pem())
    };
    let (root_key, middle_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let (root_params, root) = authority_of("root", None, &root_key);
    let root_issuer = Issuer::from_params(&root_params, &root_key);
    let (middle_params, middle) = authority_of("middle", Some(&root_issuer), &middle_key);
    let leaf =
        world.params.signed_by(&world.key, &Issuer::from_params(&middle_params, &middle_key)).unwrap().pem();
    write_public(&world.path("client.crt"), format!("{root}{middle}{leaf}").as_bytes()).unwrap();
    let (credential, warnings) = world.client(june()).unwrap();
    assert!(credential.leaf().identity().subject().to_string().contains("analyst") && warnings.is_empty());
    write_public(&world.path("client.crt"), format!("{leaf}{root}").as_bytes()).unwrap();
    let warnings = world.warnings(world.client(june()));
    assert!(warnings[0].contains("the chain has a gap"), "{warnings:?}");
    assert!(warnings[0].contains("middle\" is missing"), "{warnings:?}");
}
