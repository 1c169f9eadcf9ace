//! What people see of the ledger when they ask it in SQL.

/// A view of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// The statement that it stands for, where it is no part of the file itself.
    pub select: Option<&'static str>,
}

/// Everything of the ledger that may be asked for in SQL. No view shows a secret, for the ledger holds none; and none shows
/// the notes that acts keep for themselves.
///
/// `certificates`, `revocations` and `audit` are not in the file, where the tables have these names; whoever serves
/// the ledger makes them beside it.
pub const VIEWS: [View; 6] = [
    View { name: "certificates", select: Some(CERTIFICATES) },
    View { name: "revocations", select: Some(REVOCATIONS) },
    View { name: "audit", select: Some(AUDIT) },
    View { name: "mtls_service_certificates", select: None },
    View { name: "mtls_crl_entries", select: None },
    View { name: "mtls_handshake_audit", select: None },
];

const CERTIFICATES: &str = "SELECT
  serial, common_name AS name, subject, sans, profile, state, issuer, issuer_key, spki AS spki_sha256,
  fingerprint AS sha256,
  strftime('%Y-%m-%dT%H:%M:%SZ', not_before, 'unixepoch') AS not_before,
  strftime('%Y-%m-%dT%H:%M:%SZ', not_after, 'unixepoch') AS not_after,
  strftime('%Y-%m-%dT%H:%M:%fZ', drafted_at / 1000.0, 'unixepoch') AS drafted_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', issued_at / 1000.0, 'unixepoch') AS issued_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', revoked_at / 1000.0, 'unixepoch') AS revoked_at,
  revocation_reason, abandoned_because
FROM main.certificates";

const REVOCATIONS: &str = "SELECT
  serial, common_name AS name, issuer_key, revocation_reason AS reason,
  strftime('%Y-%m-%dT%H:%M:%fZ', revoked_at / 1000.0, 'unixepoch') AS revoked_at,
  strftime('%Y-%m-%dT%H:%M:%SZ', not_after, 'unixepoch') AS not_after, 'issued here' AS origin
FROM main.certificates WHERE state = 'revoked'
UNION ALL SELECT
  serial, NULL, issuer_key, reason, strftime('%Y-%m-%dT%H:%M:%fZ', denied_at / 1000.0, 'unixepoch'), NULL, 'denied'
FROM main.denials";

const AUDIT: &str = "SELECT
  id, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at, kind, principal, method, name, serial,
  certificate AS sha256, issuer, sni, listener, target, remote, code, cause, refusal, handshake
FROM main.audit";
