use std::collections::BTreeMap;

use authority::{Authority, IssuerKind, Standing};
use config::{Overrides, Sources};
use ledger::{Ledger, SqliteLedger};
use time::{Duration, OffsetDateTime};

use super::prepare;
use crate::realm::{Realm, RealmSpec};

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-22 10:00:00 UTC);

#[tokio::test]
async fn a_list_that_becomes_outdated_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let spec = RealmSpec::for_this_machine("development");
    let (realm, _) = Realm::open_or_create(&folder.path().join("realm"), &spec, NOW).await.unwrap();
    let (cert, key) = realm.issuer(IssuerKind::Client);
    let issuer = Authority::load(&cert, &key, None, Standing::Issuer, None, NOW).unwrap();
    let ledger = SqliteLedger::open(&realm.ledger()).unwrap();
    let list = issuer.sign_crl(&ledger, Duration::HOUR, NOW).await.unwrap();
    ledger.close().await.unwrap();
    files::write_public(&realm.folder().join("clients.crl"), list.to_pem().as_bytes()).unwrap();
    let revocation = "client_ca: authority\n    revocation: { crl_files: [clients.crl] }\n";
    let written = std::fs::read_to_string(realm.config()).unwrap();
    let written = written.replacen("client_ca: authority", revocation, 1);
    files::write_public(realm.config(), written.as_bytes()).unwrap();
    let file = Some(realm.config().to_owned());
    let sources = Sources { file, env: BTreeMap::new(), overrides: Overrides::default() };
    let (plan, _) = config::read(&sources).unwrap();
    let prepared = prepare(plan, NOW).unwrap();
    let end = list.next_update();
    let minute = Duration::MINUTE;
    assert_eq!(prepared.newly_outdated(NOW, end), []);
    let said = prepared.newly_outdated(end - minute, end + minute);
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert!(said.what().contains("clients.crl") && said.what().contains("is outdated since"), "{said}");
    assert_eq!(prepared.newly_outdated(end, end + minute).len(), 1);
    assert_eq!(prepared.newly_outdated(end + minute, end + minute * 2), []);
}
