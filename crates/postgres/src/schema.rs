//! The tables, and how older ones become them.

use fault::Fault;

use crate::session::Session;
use crate::spec::PostgresSpec;
use crate::trouble;

/// Creates the tables, or brings older ones up to date, one step after the other, all or none. Of several nodes that start
/// at once one does it, and the others find it done.
///
/// # Errors
/// The schema is somebody else's or a newer program's, or the user may not make one.
pub(crate) async fn bring_up_to_date(session: &Session, spec: &PostgresSpec) -> Result<(), Fault> {
    if version(session, spec).await? == Some(STEPS.len()) {
        return Ok(());
    }
    let failed = |error: tokio_postgres::Error| unusable(spec, &error);
    // A large ledger takes as long as it takes.
    session.run("SET statement_timeout = 0; SET lock_timeout = 0; BEGIN").await.map_err(failed)?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('countersign schema', 0))";
    session.query(lock, &[]).await.map_err(failed)?;
    let found = version(session, spec).await?;
    must_be_known(found, spec)?;
    if found.is_none() {
        session.run(FOUNDATION).await.map_err(failed)?;
    }
    for step in STEPS.iter().skip(found.unwrap_or(0)) {
        session.run(step).await.map_err(failed)?;
        session.run("INSERT INTO countersign.schema_version DEFAULT VALUES").await.map_err(failed)?;
    }
    session.run("COMMIT; SET statement_timeout = '10s'; SET lock_timeout = '8s'").await.map_err(failed)
}

/// That there are tables of ours, in whichever version.
///
/// # Errors
/// There are none.
pub(crate) async fn must_be_there(session: &Session, spec: &PostgresSpec) -> Result<(), Fault> {
    match version(session, spec).await? {
        Some(_) => Ok(()),
        None => Err(Fault::yours(format!("{} holds no ledger", spec.target())).remedy(
            "name the database that has it in ledger.url; a new one is made by countersign init, and by the first countersign serve",
        )),
    }
}

/// That the tables are there in the version that this program knows.
///
/// # Errors
/// They are not.
pub(crate) async fn must_be_ours(session: &Session, spec: &PostgresSpec) -> Result<(), Fault> {
    let found = version(session, spec).await?;
    must_be_known(found, spec)?;
    if found == Some(STEPS.len()) {
        return Ok(());
    }
    Err(trouble::of(spec, "the ledger that was there is gone, or is an older one")
        .remedy("restart the node to use what is there now"))
}

fn must_be_known(found: Option<usize>, spec: &PostgresSpec) -> Result<(), Fault> {
    match found {
        Some(found) if found > STEPS.len() => {
            Err(Fault::yours(format!("the ledger on {} was made by a newer countersign", spec.target()))
                .because(format!("its schema is version {found}; this program knows up to {}", STEPS.len()))
                .remedy("run the newer countersign, or give this one a database of its own"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The version of the tables; none where there are none. A schema of our name with something else in it is left as it is.
async fn version(session: &Session, spec: &PostgresSpec) -> Result<Option<usize>, Fault> {
    let failed = |error: tokio_postgres::Error| unusable(spec, &error);
    let row = session.query(WHAT_IS_THERE, &[]).await.map_err(failed)?;
    let Some(row) = row.first() else { return Ok(None) };
    let (ours, things): (bool, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
    match (ours, things) {
        (false, 0) => Ok(None),
        (false, _) => {
            Err(Fault::yours(format!("{} has a schema \"countersign\" that is no ledger", spec.target()))
                .remedy("name another database in ledger.url; what is there is never turned into a ledger"))
        }
        (true, _) => {
            let version = "SELECT coalesce(max(version), 0)::int FROM countersign.schema_version";
            let row = session.query(version, &[]).await.map_err(failed)?;
            let version: i32 = row.first().map_or(Ok(0), |row| row.try_get(0)).map_err(failed)?;
            Ok(Some(usize::try_from(version).unwrap_or(0)))
        }
    }
}

fn unusable(spec: &PostgresSpec, error: &tokio_postgres::Error) -> Fault {
    use tokio_postgres::error::SqlState;
    let fault = trouble::of(spec, "its tables cannot be read or made").because(trouble::words(error));
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return fault.remedy(format!(
            "let the user have them: ALTER DATABASE {} OWNER TO {user}, or CREATE SCHEMA countersign AUTHORIZATION {user}",
            spec.database,
            user = spec.user
        ));
    }
    fault.remedy("see the server's log for the cause")
}

const WHAT_IS_THERE: &str = "
SELECT to_regclass('countersign.schema_version') IS NOT NULL
    AND obj_description(space.oid, 'pg_namespace') IS NOT DISTINCT FROM 'ledger of countersign',
  (SELECT count(*) FROM pg_class WHERE relnamespace = space.oid)
FROM pg_namespace AS space WHERE nspname = 'countersign'";

/// The schema with its mark, by which it is known again.
const FOUNDATION: &str = "
-- Who has a schema already need not be allowed to make one.
DO $$ BEGIN IF to_regnamespace('countersign') IS NULL THEN CREATE SCHEMA countersign; END IF; END $$;
COMMENT ON SCHEMA countersign IS 'ledger of countersign';
CREATE TABLE countersign.schema_version (version int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
";

/// Step n takes the tables from version n to n + 1; a step that has been released is never edited.
///
/// Columns mean what they mean in the SQLite ledger: hashes and serials are hex as the program prints them, moments are
/// milliseconds and validity is seconds since 1970.
const STEPS: &[&str] = &["
CREATE TABLE countersign.revision (one int PRIMARY KEY CHECK (one = 1), revision bigint NOT NULL);
-- It is updated with every change: room in its one page lets the old versions go without a vacuum.
ALTER TABLE countersign.revision SET (fillfactor = 10);
INSERT INTO countersign.revision VALUES (1, 0);

-- What tells this ledger from every other one, also where a backup of it is put back.
CREATE TABLE countersign.ledger_id (one int PRIMARY KEY CHECK (one = 1), id text NOT NULL);
INSERT INTO countersign.ledger_id VALUES (1, replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE countersign.certificates (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  issuer_key text NOT NULL,
  serial text NOT NULL,
  issuer text NOT NULL,
  profile text NOT NULL,
  subject text NOT NULL,
  common_name text,
  sans text NOT NULL,
  spki text NOT NULL,
  not_before bigint NOT NULL,
  not_after bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('drafted', 'issued', 'abandoned', 'revoked')),
  drafted_at bigint NOT NULL,
  issued_at bigint,
  abandoned_because text,
  fingerprint text,
  der bytea,
  revision bigint NOT NULL,
  revoked_at bigint,
  revocation_reason text,
  CHECK ((state IN ('issued', 'revoked')) = (der IS NOT NULL))
);
CREATE UNIQUE INDEX certificates_by_serial ON countersign.certificates (serial, issuer_key);
CREATE UNIQUE INDEX certificates_by_fingerprint ON countersign.certificates (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX certificates_by_expiry ON countersign.certificates (not_after);
CREATE INDEX certificates_by_profile ON countersign.certificates (profile);
CREATE INDEX certificates_by_rare_state ON countersign.certificates (state) WHERE state <> 'issued';
CREATE INDEX certificates_by_revocation ON countersign.certificates (revision)
  INCLUDE (issuer_key, serial, not_after, revoked_at, revocation_reason) WHERE state = 'revoked';

-- Names in lower case. An index entry has less than a page; a name may have more.
CREATE TABLE countersign.certificate_names (
  name text COLLATE \"C\" NOT NULL,
  certificate bigint NOT NULL REFERENCES countersign.certificates (id)
);
CREATE INDEX certificate_names_by_name ON countersign.certificate_names (left(name, 200), certificate);

CREATE TABLE countersign.crl_numbers (issuer_key text PRIMARY KEY, number bigint NOT NULL);

CREATE TABLE countersign.denials (
  revision bigint PRIMARY KEY,
  issuer_key text NOT NULL,
  serial text NOT NULL,
  denied_at bigint NOT NULL,
  reason text NOT NULL
);
CREATE UNIQUE INDEX denials_by_serial ON countersign.denials (serial, issuer_key);

CREATE TABLE countersign.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  kind text NOT NULL,
  principal text,
  method text,
  certificate text,
  serial text,
  issuer text,
  name text,
  sni text,
  listener text,
  target text,
  remote text,
  code text,
  cause text,
  refusal text,
  handshake text
);
CREATE INDEX audit_by_time ON countersign.audit (at, id);
CREATE INDEX audit_by_principal ON countersign.audit (principal, at) WHERE principal IS NOT NULL;
CREATE INDEX audit_by_serial ON countersign.audit (serial, at) WHERE serial IS NOT NULL;
CREATE INDEX audit_by_refusal ON countersign.audit (refusal) WHERE refusal IS NOT NULL;
CREATE INDEX audit_by_handshake ON countersign.audit (handshake) WHERE handshake IS NOT NULL;

CREATE TABLE countersign.notes (
  shelf text NOT NULL,
  key text COLLATE \"C\" NOT NULL,
  text text NOT NULL,
  version bigint NOT NULL,
  expires_at bigint,
  PRIMARY KEY (shelf, key)
);
CREATE INDEX notes_by_expiry ON countersign.notes (expires_at) WHERE expires_at IS NOT NULL;

-- The inventory as other programs know it. Ids are UUIDs of version 8, made of what identifies the row anyway.
CREATE VIEW countersign.mtls_service_certificates AS
SELECT
  (substr(fingerprint, 1, 8) || '-' || substr(fingerprint, 9, 4) || '-8' || substr(fingerprint, 14, 3) || '-8'
    || substr(fingerprint, 18, 3) || '-' || substr(fingerprint, 21, 12))::uuid AS id,
  common_name AS service_name,
  substring(subject from ',O=([^,]*)') AS environment,
  serial,
  subject,
  to_timestamp(issued_at / 1000.0) AS issued_at,
  to_timestamp(not_after) AS expires_at,
  state = 'revoked' AS is_revoked,
  to_timestamp(revoked_at / 1000.0) AS revoked_at,
  revocation_reason,
  EXISTS (
    SELECT FROM countersign.notes
    WHERE shelf = 'services' AND text::json -> 'pending' IS NOT NULL
      AND text::json #>> '{current,serial}' = certificates.serial
  ) AS rotation_in_progress,
  to_timestamp(drafted_at / 1000.0) AS created_at,
  to_timestamp(coalesce(revoked_at, issued_at) / 1000.0) AS updated_at
FROM countersign.certificates WHERE profile = 'service' AND fingerprint IS NOT NULL;

CREATE VIEW countersign.mtls_crl_entries AS
SELECT
  (substr(fingerprint, 33, 8) || '-' || substr(fingerprint, 41, 4) || '-8' || substr(fingerprint, 46, 3) || '-8'
    || substr(fingerprint, 50, 3) || '-' || substr(fingerprint, 53, 12))::uuid AS id,
  serial,
  common_name AS service_name,
  to_timestamp(revoked_at / 1000.0) AS revoked_at,
  revocation_reason AS reason,
  to_timestamp(revoked_at / 1000.0) AS created_at
FROM countersign.certificates WHERE state = 'revoked';

-- A peer whom nobody knows shakes hands like any other, and is refused with each request.
CREATE VIEW countersign.mtls_handshake_audit AS
SELECT
  ('00000000-0000-8000-8000-' || lpad(to_hex(id), 12, '0'))::uuid AS id,
  name AS from_service,
  listener AS to_service,
  serial AS client_serial,
  CASE kind WHEN 'sign-in' THEN 'success' ELSE 'failure' END AS result,
  coalesce(code, cause) AS failure_reason,
  to_timestamp(at / 1000.0) AS occurred_at
FROM countersign.audit WHERE kind = 'sign-in' OR (kind = 'refusal' AND (target IS NULL OR principal IS NULL));
", "
-- Certificates of minutes go when they are over: found by their end, with their names.
CREATE INDEX certificates_minted ON countersign.certificates (not_after)
  WHERE profile = 'minted' AND state <> 'revoked';
CREATE INDEX certificate_names_by_certificate ON countersign.certificate_names (certificate);
"];
