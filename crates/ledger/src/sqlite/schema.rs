use std::path::Path;

use fault::Fault;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

/// Creates the tables, or brings an older file up to date, one step after the other, all or none.
pub(super) fn bring_up_to_date(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    let unreadable = |error: rusqlite::Error| super::unusable(path, error);
    refuse_foreign(connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(unreadable)?;
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unreadable)?;
    let found = version(&transaction).map_err(unreadable)?;
    if found > STEPS.len() {
        return Err(Fault::yours("the ledger was made by a newer countersign")
            .in_file(path)
            .because(format!("its schema is version {found}; this program knows up to {}", STEPS.len()))
            .remedy("run the newer countersign, or give this one a ledger of its own"));
    }
    for step in STEPS.iter().skip(found) {
        transaction
            .execute_batch(step)
            .and_then(|()| transaction.execute("INSERT INTO schema_version DEFAULT VALUES", []))
            .map_err(unreadable)?;
    }
    transaction.commit().map_err(unreadable)
}

/// A database of someone else's is left as it is.
fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let id: i64 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|error| super::unusable(path, error))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| super::unusable(path, error))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) {
        return Ok(());
    }
    Err(Fault::yours("the file is a database, and not a ledger")
        .in_file(path)
        .remedy("name another file in ledger.url; an existing database is never turned into a ledger"))
}

fn version(transaction: &Transaction<'_>) -> rusqlite::Result<usize> {
    let there = transaction
        .query_row("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'", [], |_| Ok(()))
        .optional()?;
    match there {
        None => Ok(0),
        Some(()) => {
            let version: u32 =
                transaction.query_row("SELECT coalesce(max(version), 0) FROM schema_version", [], |row| {
                    row.get(0)
                })?;
            Ok(version as usize)
        }
    }
}

/// "CSlg", in the header of every ledger.
const APPLICATION_ID: i64 = 0x4353_6c67;

/// Step n takes a file from version n to n + 1; a step that has been released is never edited.
///
/// Hashes and serials are upper- or lower-case hex as the program prints them, moments are milliseconds and validity
/// is seconds since 1970, so that a person with any SQLite tool can ask the ledger without this program. A check with
/// a longer `IN` would build a table of its own for every row.
pub(super) const STEPS: &[&str] = &["
PRAGMA application_id = 0x43536c67;

CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;

CREATE TABLE revision (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL) STRICT;
INSERT INTO revision VALUES (1, 0);

CREATE TABLE certificates (
  id INTEGER PRIMARY KEY,
  issuer_key TEXT NOT NULL,
  serial TEXT NOT NULL,
  issuer TEXT NOT NULL,
  profile TEXT NOT NULL,
  subject TEXT NOT NULL,
  common_name TEXT,
  sans TEXT NOT NULL,
  spki TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state = 'drafted' OR state = 'issued' OR state = 'abandoned' OR state = 'revoked'),
  drafted_at INTEGER NOT NULL,
  issued_at INTEGER,
  abandoned_because TEXT,
  fingerprint TEXT,
  der BLOB,
  revision INTEGER NOT NULL,
  CHECK ((state IN ('issued', 'revoked')) = (der IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX certificates_by_serial ON certificates (serial, issuer_key);
CREATE UNIQUE INDEX certificates_by_fingerprint ON certificates (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX certificates_by_expiry ON certificates (not_after);

CREATE TABLE certificate_names (
  name TEXT NOT NULL COLLATE NOCASE,
  certificate INTEGER NOT NULL REFERENCES certificates (id),
  PRIMARY KEY (name, certificate)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  principal TEXT,
  method TEXT,
  certificate TEXT,
  serial TEXT,
  issuer TEXT,
  sni TEXT,
  remote TEXT,
  code TEXT,
  cause TEXT,
  refusal TEXT
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_refusal ON audit (refusal) WHERE refusal IS NOT NULL;
", "
ALTER TABLE certificates ADD COLUMN revoked_at INTEGER;
ALTER TABLE certificates ADD COLUMN revocation_reason TEXT;

-- It holds every column that is asked for, so that the records of a million certificates are left alone.
CREATE INDEX certificates_by_revocation
  ON certificates (revision, issuer_key, serial, not_after, revoked_at, revocation_reason) WHERE state = 'revoked';
UPDATE certificates SET revoked_at = issued_at, revocation_reason = 'unspecified' WHERE state = 'revoked';

CREATE TABLE crl_numbers (issuer_key TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
", "
ALTER TABLE audit ADD COLUMN handshake TEXT;
CREATE INDEX audit_by_handshake ON audit (handshake) WHERE handshake IS NOT NULL;
", "
-- Certificates that are refused though they are not on record here. Its key is the order in which they are read.
CREATE TABLE denials (
  revision INTEGER PRIMARY KEY,
  issuer_key TEXT NOT NULL,
  serial TEXT NOT NULL,
  denied_at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX denials_by_serial ON denials (serial, issuer_key);
", "
CREATE TABLE notes (
  shelf TEXT NOT NULL,
  key TEXT NOT NULL,
  text TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires_at INTEGER,
  PRIMARY KEY (shelf, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX notes_by_expiry ON notes (expires_at) WHERE expires_at IS NOT NULL;
", "
-- What tells this ledger from every other one, also where a backup of it is put back.
CREATE TABLE ledger_id (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL) STRICT;
INSERT INTO ledger_id VALUES (1, lower(hex(randomblob(16))));
", "
-- What a decision was about, so that it can be asked for without reading its cause.
ALTER TABLE audit ADD COLUMN name TEXT;
ALTER TABLE audit ADD COLUMN listener TEXT;
ALTER TABLE audit ADD COLUMN target TEXT;
CREATE INDEX audit_by_principal ON audit (principal, at) WHERE principal IS NOT NULL;
CREATE INDEX audit_by_serial ON audit (serial, at) WHERE serial IS NOT NULL;

-- Few among many are found without reading the many: those of a small profile, and those that never became certificates
-- or are certificates no more.
CREATE INDEX certificates_by_profile ON certificates (profile);
CREATE INDEX certificates_by_rare_state ON certificates (state) WHERE state <> 'issued';

-- The inventory as other programs know it. Ids are UUIDs of version 8, made of what identifies the row anyway, so that they
-- are the same wherever and whenever they are asked for.
CREATE VIEW mtls_service_certificates AS
SELECT
  substr(fingerprint, 1, 8) || '-' || substr(fingerprint, 9, 4) || '-8' || substr(fingerprint, 14, 3) || '-8'
    || substr(fingerprint, 18, 3) || '-' || substr(fingerprint, 21, 12) AS id,
  common_name AS service_name,
  CASE WHEN instr(subject, ',O=') > 0 THEN substr(
    substr(subject, instr(subject, ',O=') + 3), 1, instr(substr(subject, instr(subject, ',O=') + 3) || ',', ',') - 1
  ) END AS environment,
  serial,
  subject,
  strftime('%Y-%m-%dT%H:%M:%fZ', issued_at / 1000.0, 'unixepoch') AS issued_at,
  strftime('%Y-%m-%dT%H:%M:%SZ', not_after, 'unixepoch') AS expires_at,
  state = 'revoked' AS is_revoked,
  strftime('%Y-%m-%dT%H:%M:%fZ', revoked_at / 1000.0, 'unixepoch') AS revoked_at,
  revocation_reason,
  EXISTS (
    SELECT 1 FROM notes
    WHERE shelf = 'services' AND json_valid(text) AND json_extract(text, '$.pending') IS NOT NULL
      AND json_extract(text, '$.current.serial') = certificates.serial
  ) AS rotation_in_progress,
  strftime('%Y-%m-%dT%H:%M:%fZ', drafted_at / 1000.0, 'unixepoch') AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', coalesce(revoked_at, issued_at) / 1000.0, 'unixepoch') AS updated_at
FROM certificates WHERE profile = 'service' AND fingerprint IS NOT NULL;

CREATE VIEW mtls_crl_entries AS
SELECT
  substr(fingerprint, 33, 8) || '-' || substr(fingerprint, 41, 4) || '-8' || substr(fingerprint, 46, 3) || '-8'
    || substr(fingerprint, 50, 3) || '-' || substr(fingerprint, 53, 12) AS id,
  serial,
  common_name AS service_name,
  strftime('%Y-%m-%dT%H:%M:%fZ', revoked_at / 1000.0, 'unixepoch') AS revoked_at,
  revocation_reason AS reason,
  strftime('%Y-%m-%dT%H:%M:%fZ', revoked_at / 1000.0, 'unixepoch') AS created_at
FROM certificates WHERE state = 'revoked';

-- A peer whom nobody knows shakes hands like any other, and is refused with each request.
CREATE VIEW mtls_handshake_audit AS
SELECT
  printf('00000000-0000-8000-8000-%012x', id) AS id,
  name AS from_service,
  listener AS to_service,
  serial AS client_serial,
  CASE kind WHEN 'sign-in' THEN 'success' ELSE 'failure' END AS result,
  coalesce(code, cause) AS failure_reason,
  strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS occurred_at
FROM audit WHERE kind = 'sign-in' OR (kind = 'refusal' AND (target IS NULL OR principal IS NULL));
", "
-- Certificates of minutes go when they are over: found by their end, with their names.
CREATE INDEX certificates_minted ON certificates (not_after) WHERE profile = 'minted' AND state <> 'revoked';
CREATE INDEX certificate_names_by_certificate ON certificate_names (certificate);
"];
