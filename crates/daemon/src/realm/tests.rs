use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use authority::{Authority, IssuerKind, Profile, Standing};
use identity::{Purpose, San, Secret, Strictness, Trust};
use ledger::{CertificateFilter, Ledger, SqliteLedger, State};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use super::{KeyPassword, Realm, RealmSpec, credentials_folder, pair, server_credential};

#[expect(clippy::disallowed_methods, reason = "OpenSSL, which judges here, goes by the machine's clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn spec() -> RealmSpec {
    RealmSpec {
        hosts: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into(),
        ..RealmSpec::for_this_machine("staging")
    }
}

async fn new_realm() -> (TempDir, Realm) {
    let folder = tempfile::tempdir().unwrap();
    let (realm, created) = Realm::open_or_create(&folder.path().join("realm"), &spec(), now()).await.unwrap();
    assert!(created.unwrap().to_string().contains("admin and analyst"));
    (folder, realm)
}

/// Every file of a folder with its mode, relative to it.
fn files_of(folder: &Path) -> BTreeSet<(String, u32)> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let mode = path.metadata().unwrap().permissions().mode() & 0o777;
                found.insert((path.strip_prefix(folder).unwrap().display().to_string(), mode));
            }
        }
    }
    found
}

fn openssl(realm: &Realm, arguments: &str) -> (bool, String) {
    let ran = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(realm.folder())
        .output()
        .unwrap();
    (ran.status.success(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
}

#[tokio::test]
async fn a_new_realm_holds_exactly_the_promised_files_with_their_modes() {
    let (outside, realm) = new_realm().await;
    let expected = [
        ("clients/admin.crt", 0o644),
        ("clients/admin.key", 0o600),
        ("clients/analyst.crt", 0o644),
        ("clients/analyst.key", 0o600),
        ("countersign.yaml", 0o644),
        ("offline/root.key", 0o600),
        ("pki/client-ca.crt", 0o644),
        ("pki/issuers/client.crt", 0o644),
        ("pki/issuers/client.key", 0o600),
        ("pki/issuers/server.crt", 0o644),
        ("pki/issuers/server.key", 0o600),
        ("pki/root.crt", 0o644),
        ("pki/server-ca.crt", 0o644),
        ("state/ledger.db", 0o600),
        ("state/tls/main.crt", 0o644),
        ("state/tls/main.key", 0o600),
    ];
    let expected: BTreeSet<_> = expected.into_iter().map(|(name, mode)| (name.to_owned(), mode)).collect();
    assert_eq!(files_of(realm.folder()), expected);
    assert!(realm.folder().join("data").is_dir());
    let beside: Vec<_> =
        std::fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["realm"], "nothing is left beside it");
}

#[tokio::test]
async fn openssl_accepts_the_realms_certificates_by_the_bundles_that_go_with_them() {
    let (_outside, realm) = new_realm().await;
    for host in ["-verify_hostname localhost", "-verify_ip 127.0.0.1", "-verify_ip ::1"] {
        let (yes, said) = openssl(
            &realm,
            &format!(
                "verify -x509_strict -CAfile pki/server-ca.crt -purpose sslserver {host} state/tls/main.crt"
            ),
        );
        assert!(yes, "{said}");
    }
    for name in ["admin", "analyst"] {
        let leaf = format!("clients/{name}.crt");
        for trust in ["-CAfile pki/root.crt", "-partial_chain -CAfile pki/client-ca.crt"] {
            let (yes, said) = openssl(
                &realm,
                &format!("verify -x509_strict {trust} -untrusted {leaf} -purpose sslclient {leaf}"),
            );
            assert!(yes, "{trust}: {said}");
        }
        let (yes, _) = openssl(
            &realm,
            &format!("verify -CAfile pki/server-ca.crt -untrusted {leaf} -purpose sslserver {leaf}"),
        );
        assert!(!yes, "a client is no server");
    }
}

#[tokio::test]
async fn our_own_verifier_accepts_clients_by_the_client_issuer_alone() {
    let (_outside, realm) = new_realm().await;
    let trust = |path: &Path| Trust::new(files::load_certificates(path).unwrap(), Strictness::default());
    let (certificate, key) = realm.client("analyst");
    let (credential, _) = files::load_credential(&certificate, &key, None, now()).unwrap();
    let chain: Vec<_> = credential.chain().iter().map(|certificate| certificate.der().clone()).collect();
    let verified =
        identity::verify(&chain, &trust(&realm.client_ca()), Purpose::Client, None, now()).unwrap();
    assert_eq!(verified.leaf().identity().subject().to_string(), "CN=analyst,O=staging");
    let (certificate, key) = pair(&credentials_folder(realm.folder()), "main");
    let (server, _) = files::load_credential(&certificate, &key, None, now()).unwrap();
    let chain: Vec<_> = server.chain().iter().map(|certificate| certificate.der().clone()).collect();
    assert!(
        identity::verify(&chain, &trust(&realm.server_ca()), Purpose::Server, Some("localhost"), now())
            .is_ok()
    );
    assert!(identity::verify(&chain, &trust(&realm.client_ca()), Purpose::Client, None, now()).is_err());
}

#[tokio::test]
async fn everything_that_was_issued_is_on_record() {
    let (_outside, realm) = new_realm().await;
    let ledger = SqliteLedger::open(&realm.ledger()).unwrap();
    let records = ledger.certificates(CertificateFilter::default()).await.unwrap().entries;
    let profiles: Vec<&str> = records.iter().map(|record| record.draft.profile.as_str()).collect();
    assert_eq!(profiles, ["client", "client", "server", "client-issuer", "server-issuer", "root"]);
    assert!(records.iter().all(|record| record.state == State::Issued));
    let root = files::load_certificates(&realm.root()).unwrap().remove(0);
    assert!(ledger.certificate_by_fingerprint(root.fingerprint()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let (_outside, realm) = new_realm().await;
    let digest = |folder: &Path| {
        let files = files_of(folder);
        files.into_iter().map(|(name, _)| std::fs::read(folder.join(name)).unwrap()).collect::<Vec<_>>()
    };
    let before = digest(realm.folder());
    let (again, created) = Realm::open_or_create(realm.folder(), &spec(), now()).await.unwrap();
    assert!(created.is_none());
    assert_eq!(again.config(), realm.config());
    assert_eq!(digest(realm.folder()), before);
}

#[tokio::test]
async fn a_realm_whose_root_key_was_taken_away_is_whole() {
    let (_outside, realm) = new_realm().await;
    std::fs::remove_dir_all(realm.folder().join("offline")).unwrap();
    std::fs::remove_dir_all(realm.folder().join("clients")).unwrap();
    Realm::open(realm.folder()).unwrap();
}

#[tokio::test]
async fn a_half_made_realm_is_named_and_nothing_is_overwritten() {
    let (_outside, realm) = new_realm().await;
    std::fs::remove_file(realm.folder().join("pki/issuers/client.key")).unwrap();
    std::fs::remove_file(realm.folder().join("countersign.yaml")).unwrap();
    let before = files_of(realm.folder());
    let fault = Realm::open_or_create(realm.folder(), &spec(), now()).await.unwrap_err().to_string();
    assert!(fault.contains("the realm is not whole"), "{fault}");
    assert!(fault.contains("missing: countersign.yaml, pki/issuers/client.key"), "{fault}");
    assert!(fault.contains("try: put the missing files back"), "{fault}");
    assert_eq!(files_of(realm.folder()), before);
}

#[tokio::test]
async fn a_folder_of_something_else_is_left_alone_and_an_empty_one_is_used() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("photos");
    std::fs::create_dir(&folder).unwrap();
    let (_, created) = Realm::open_or_create(&folder, &spec(), now()).await.unwrap();
    assert!(created.is_some());

    let folder = outside.path().join("documents");
    std::fs::create_dir(&folder).unwrap();
    std::fs::File::create(folder.join("letter.txt")).unwrap();
    let fault = Realm::open_or_create(&folder, &spec(), now()).await.unwrap_err().to_string();
    assert!(fault.contains("is not a realm"), "{fault}");
    assert_eq!(files_of(&folder).len(), 1);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_named_with_the_way_out() {
    let outside = tempfile::tempdir().unwrap();
    let leftover = outside.path().join("realm.partial-00ff");
    std::fs::create_dir(&leftover).unwrap();
    let fault =
        Realm::open_or_create(&outside.path().join("realm"), &spec(), now()).await.unwrap_err().to_string();
    assert!(fault.contains("cut off") && fault.contains(&format!("rm -r {}", leftover.display())), "{fault}");
    assert!(!outside.path().join("realm").exists());
}

#[tokio::test]
async fn an_attempt_that_fails_leaves_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let wrong = RealmSpec { hosts: vec!["not a host".into()], ..spec() };
    let fault = Realm::open_or_create(&outside.path().join("realm"), &wrong, now()).await.unwrap_err();
    assert!(fault.to_string().contains("not a host"), "{fault}");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let nowhere = outside.path().join("no/such/folder/realm");
    let fault = Realm::open_or_create(&nowhere, &spec(), now()).await.unwrap_err().to_string();
    assert!(fault.contains("mkdir -p") && fault.contains("no/such/folder"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_try_at_once_one_makes_the_realm_and_the_others_open_it() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("realm");
    let tries: Vec<_> = (0..4)
        .map(|_| {
            let folder = folder.clone();
            tokio::spawn(
                async move { Realm::open_or_create(&folder, &spec(), now()).await.unwrap().1.is_some() },
            )
        })
        .collect();
    let mut made = 0;
    for attempt in tries {
        made += usize::from(attempt.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn with_a_password_the_keys_of_root_and_issuers_are_encrypted() {
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("password");
    let secret = Secret::new("correct horse".into());
    let spec = RealmSpec {
        key_password: Some(KeyPassword { secret: secret.clone(), file: file.clone() }),
        ..spec()
    };
    let (realm, _) = Realm::open_or_create(&outside.path().join("realm"), &spec, now()).await.unwrap();
    let (certificate, key) = realm.issuer(IssuerKind::Server);
    for path in [&key, &realm.folder().join("offline/root.key")] {
        assert!(std::fs::read_to_string(path).unwrap().contains("BEGIN ENCRYPTED PRIVATE KEY"));
    }
    Authority::load(&certificate, &key, Some(&secret), Standing::Issuer, None, now()).unwrap();
    assert!(Authority::load(&certificate, &key, None, Standing::Issuer, None, now()).is_err());
    let config = std::fs::read_to_string(realm.config()).unwrap();
    assert!(
        config.contains(&format!("server.key, key_password_file: \"{}\" }}", file.display())),
        "{config}"
    );
}

/// The server issuer of a realm, and its ledger.
fn issuing(realm: &Realm) -> (Authority, SqliteLedger) {
    let (certificate, key) = realm.issuer(IssuerKind::Server);
    let authority =
        Authority::load(&certificate, &key, None, Standing::Issuer, Some("staging"), now()).unwrap();
    (authority, SqliteLedger::open(&realm.ledger()).unwrap())
}

#[tokio::test]
async fn a_server_credential_is_kept_while_it_is_good_and_issued_anew_when_it_is_not() {
    let (_outside, realm) = new_realm().await;
    let (authority, ledger) = issuing(&realm);
    let folder = credentials_folder(realm.folder());
    let hosts = spec().hosts;
    let serial = async |hosts: &[String], at: OffsetDateTime| {
        let credential =
            server_credential(&authority, &ledger, &Profile::server(), "main", hosts, &folder, at)
                .await
                .unwrap();
        credential.leaf().identity().serial().to_string()
    };
    let first = serial(&hosts, now()).await;
    assert_eq!(serial(&hosts, now() + Duration::days(59)).await, first);
    let more = [hosts.clone(), vec!["db.example.com".into()]].concat();
    let second = serial(&more, now()).await;
    assert_ne!(second, first, "the hosts have changed");
    assert_eq!(serial(&more, now()).await, second);
    let third = serial(&more, now() + Duration::days(61)).await;
    assert_ne!(third, second, "less than a third is left");
    let (certificate, key) = pair(&folder, "main");
    std::fs::copy(realm.client("admin").0, &certificate).unwrap();
    let fourth = serial(&more, now()).await;
    assert_ne!(fourth, third, "certificate and key do not match");
    std::fs::remove_file(&key).unwrap();
    assert_ne!(serial(&more, now()).await, fourth, "there is no key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_credential_of_another_authority_is_issued_anew() {
    let ((_one, realm), (_two, other)) = (new_realm().await, new_realm().await);
    let (authority, ledger) = issuing(&other);
    let folder = credentials_folder(realm.folder());
    let credential =
        server_credential(&authority, &ledger, &Profile::server(), "main", &spec().hosts, &folder, now())
            .await
            .unwrap();
    assert_eq!(credential.leaf().identity().issuer(), authority.certificate().identity().subject());
    let sans = credential.leaf().identity().sans();
    assert_eq!(sans.first(), Some(&San::Dns("localhost".into())));
    let records = ledger
        .certificates(CertificateFilter { profile: Some("server".into()), ..CertificateFilter::default() });
    assert_eq!(records.await.unwrap().entries.len(), 2);
}

#[tokio::test]
async fn a_profile_that_would_leave_its_folder_is_refused() {
    let (_outside, realm) = new_realm().await;
    let (authority, ledger) = issuing(&realm);
    for name in ["../main", "a/b", "", ".hidden"] {
        let credential = server_credential(
            &authority,
            &ledger,
            &Profile::server(),
            name,
            &spec().hosts,
            realm.folder(),
            now(),
        )
        .await;
        assert!(credential.is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn the_configuration_of_a_new_realm_is_read_without_a_fault_or_a_warning() {
    let (_outside, realm) = new_realm().await;
    let sources = config::Sources { file: Some(realm.config().to_owned()), ..config::Sources::default() };
    let (plan, warnings) = config::read(&sources).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(warnings.is_empty(), "{warnings:?}");
    let names: Vec<&str> = plan.databases.iter().map(|database| database.name.as_str()).collect();
    assert_eq!(names, ["app", "ledger"]);
    assert_eq!(plan.control_plane.admins, ["admin"]);
}
