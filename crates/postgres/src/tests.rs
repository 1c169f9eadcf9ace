mod connecting;
mod outages;
mod sharing;

use std::sync::Arc;
use std::time::Duration;

use identity::{Pin, RevocationReason, Serial};
use ledger::{
    AuditEvent, AuditKind, CertificateId, Denial, DraftRecord, IssuerName, Ledger, LedgerError, NewNote,
    Shelf, conformance,
};
use testkit::Postgres;
use time::OffsetDateTime;
use transport::SystemClock;

use crate::{Address, PostgresLedger, PostgresSpec, Protection};

const NOW: OffsetDateTime = time::macros::datetime!(2026-11-22 10:00:00 UTC);
const REASON: RevocationReason = RevocationReason::Superseded;

/// The database as the manual says to reach it.
fn spec(server: &Postgres, database: &str) -> PostgresSpec {
    PostgresSpec {
        address: Address::Tcp { host: "localhost".into(), addr: None, port: server.port() },
        user: "countersign_user".into(),
        database: database.into(),
        protection: Protection::Full(server.file("ca.crt")),
        judging: None,
        credential: Some((server.file("client.crt"), server.file("client.key"))),
        application_name: "countersign".into(),
        connect_timeout: Duration::from_secs(10),
        clock: Arc::new(SystemClock),
    }
}

/// A ledger in a database of its own.
async fn fresh(server: &Postgres) -> PostgresLedger {
    PostgresLedger::open(spec(server, &server.database())).await.unwrap()
}

fn draft(n: u32) -> DraftRecord {
    DraftRecord {
        serial: Serial::from_bytes(&n.to_be_bytes()),
        issuer: IssuerName { name: "CN=issuer".into(), key: Pin::of_spki(b"issuer") },
        profile: "client".into(),
        subject: format!("CN=name-{n}"),
        common_name: Some(format!("name-{n}")),
        sans: Vec::new(),
        spki: Pin::of_spki(b"key"),
        not_before: NOW,
        not_after: NOW,
        drafted_at: NOW,
    }
}

async fn issued(ledger: &PostgresLedger, n: u32) -> CertificateId {
    ledger.record(draft(n)).await.unwrap();
    ledger.complete(draft(n).id(), n.to_be_bytes().to_vec(), NOW).await.unwrap();
    draft(n).id()
}

/// Asks again while the server is away.
async fn once_back<T, F: Future<Output = Result<T, LedgerError>>>(verb: impl Fn() -> F) -> T {
    for _ in 0..600 {
        match verb().await {
            Ok(answer) => return answer,
            Err(LedgerError::Away(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the server has not come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgresql_ledger_conforms() {
    conformance::run_all(|| fresh(Postgres::shared())).await;
}

#[tokio::test]
async fn names_and_texts_of_any_length_and_with_any_character_are_kept() {
    let ledger = fresh(Postgres::shared()).await;
    let long = format!("spiffe://example.com/{}", "x".repeat(20_000));
    let mut odd = draft(1);
    odd.sans = vec![format!("URI:{long}"), "DNS:\0.example.com".into()];
    odd.subject = "CN=\0␛".into();
    ledger.record(odd.clone()).await.unwrap();
    assert_eq!(ledger.certificate(odd.id()).await.unwrap().unwrap().draft, odd);
    for name in [long, "\0.EXAMPLE.com".into()] {
        let filter = ledger::CertificateFilter { name: Some(name), ..Default::default() };
        assert_eq!(ledger.certificates(filter).await.unwrap().entries.len(), 1);
    }
}

/// What one caller brings must not keep the others' from being recorded.
#[tokio::test]
async fn a_value_that_the_server_does_not_take_fails_alone() {
    let server = Postgres::shared();
    let database = server.database();
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    server.sql(&database, "ALTER TABLE countersign.certificates ADD CHECK (subject <> 'CN=name-3')");
    let (one, two, three, four) = tokio::join!(
        ledger.record(draft(1)),
        ledger.record(draft(2)),
        ledger.record(draft(3)),
        ledger.record(draft(4))
    );
    assert_eq!((one, two, four), (Ok(()), Ok(()), Ok(())));
    assert!(matches!(three, Err(LedgerError::Storage(why)) if why.contains("violates check constraint")));
    assert_eq!(ledger.revision().await, Ok(3));
}

#[tokio::test]
async fn everything_is_there_for_the_next_who_opens_the_ledger() {
    let server = Postgres::shared();
    let database = server.database();
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    let id = issued(&ledger, 1).await;
    let revoked = ledger.revoke(id.clone(), REASON, NOW).await.unwrap();
    let denial = Denial { issuer: Pin::of_spki(b"foreign"), serial: id.serial, reason: REASON, at: NOW };
    let denied = ledger.deny(denial.clone()).await.unwrap();
    ledger.next_crl_number(id.issuer).await.unwrap();
    ledger.close().await.unwrap();
    let found = PostgresLedger::open(spec(server, &database)).await.unwrap();
    assert_eq!(found.revocations(0, 0).await, Ok(vec![revoked.record, denied.record]));
    assert!(found.deny(denial).await.unwrap().already);
    assert_eq!(found.next_crl_number(id.issuer).await, Ok(2));
}

/// Whoever reads them with psql sees what the views of a ledger in a file show, in PostgreSQL's own types.
#[tokio::test]
async fn the_inventory_is_there_as_views() {
    let server = Postgres::shared();
    let database = server.database();
    let ledger = PostgresLedger::open(spec(server, &database)).await.unwrap();
    let mut service = draft(1);
    (service.profile, service.subject) = ("service".into(), "CN=worker,O=production".into());
    service.common_name = Some("worker".into());
    ledger.record(service.clone()).await.unwrap();
    ledger.complete(service.id(), vec![1], NOW).await.unwrap();
    let shown = |select: &str| server.sql(&database, &format!("SELECT {select}"));
    let text = |serial: &str| format!(r#"{{"current":{{"serial":"{serial}"}},"pending":{{}}}}"#);
    let note = |text| NewNote { key: "worker".into(), text, expires_at: None, seen: None };
    ledger.write_note(Shelf::Services, note(text(&service.serial.to_string()))).await.unwrap();
    let certificates =
        "service_name, environment, is_revoked, rotation_in_progress, issued_at AT TIME ZONE 'UTC'
        FROM countersign.mtls_service_certificates";
    assert_eq!(shown(certificates), "worker|production|f|t|2026-11-22 10:00:00");
    ledger.revoke(service.id(), REASON, NOW).await.unwrap();
    assert_eq!(shown("service_name, reason FROM countersign.mtls_crl_entries"), "worker|superseded");
    let event = AuditEvent { name: Some("worker".into()), ..AuditEvent::new(AuditKind::SignIn, NOW) };
    ledger.audit(vec![event]).await.unwrap();
    let columns = |view: &str| {
        shown(&format!(
            "string_agg(column_name, ' ' ORDER BY ordinal_position) FROM information_schema.columns
             WHERE table_schema = 'countersign' AND table_name = '{view}'"
        ))
    };
    for (view, wanted) in [
        (
            "mtls_service_certificates",
            "id service_name environment serial subject issued_at expires_at is_revoked revoked_at revocation_reason \
             rotation_in_progress created_at updated_at",
        ),
        ("mtls_crl_entries", "id serial service_name revoked_at reason created_at"),
        (
            "mtls_handshake_audit",
            "id from_service to_service client_serial result failure_reason occurred_at",
        ),
    ] {
        assert_eq!(columns(view), wanted, "{view}");
    }
    let handshakes = "id, from_service, result FROM countersign.mtls_handshake_audit";
    assert_eq!(shown(handshakes), "00000000-0000-8000-8000-000000000001|worker|success");
}
