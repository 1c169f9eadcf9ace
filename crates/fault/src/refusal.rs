use std::fmt;

use serde::Serialize;

/// A "no" to a peer: the public code and the private cause.
///
/// The peer hears the code, its [sentence](Code::sentence) and its [remedy](Code::remedy); the cause is for the
/// log, the audit record and `explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    cause: String,
    said: Option<String>,
}

impl Refusal {
    /// A refusal with the cause that the operator will read.
    #[must_use]
    pub fn new(code: Code, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into(), said: None }
    }

    /// Replaces the code's public sentence where a more exact one gives nothing away.
    #[must_use]
    pub fn saying(mut self, sentence: impl Into<String>) -> Self {
        self.said = Some(sentence.into());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// Why, for the operator alone.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What the peer hears.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.said.as_deref().unwrap_or_else(|| self.code.sentence())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.cause)
    }
}

impl std::error::Error for Refusal {}

/// Declares every refusal once: variant, stable code, HTTP status, public sentence, when it is given, remedy.
macro_rules! codes {
    ($($variant:ident = $code:literal, $status:literal, $sentence:literal, when $when:literal, remedy $remedy:literal;)+) => {
        /// The stable code of a refusal; never renamed, never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $(#[doc = $when] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as written in answers, logs, metrics and the manual.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The HTTP status that carries it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// What the peer hears: true for every cause, telling of none.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }

            /// When it is given, for the reference page.
            #[must_use]
            pub const fn when(self) -> &'static str {
                match self { $(Self::$variant => $when,)+ }
            }

            /// What the peer or the operator can do about it.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

codes! {
    CertificateRequired = "certificate-required", 401, "a client certificate is required",
        when "No certificate was presented where one must be.",
        remedy "present a client certificate (curl: --cert and --key), or let the listener ask for another method too";
    UnknownIssuer = "unknown-issuer", 401, "the certificate chains to no trusted authority",
        when "The chain ends in no authority that the listener trusts.",
        remedy "use a certificate from an authority in the listener's client_ca, send the intermediates, or add the authority there";
    CertificateExpired = "certificate-expired", 401, "the certificate has expired",
        when "The clock is past the certificate's notAfter; the log names both times.",
        remedy "renew the certificate: openssl x509 -enddate -noout -in FILE shows its end";
    CertificateNotYetValid = "certificate-not-yet-valid", 401, "the certificate is not yet valid",
        when "The clock is before the certificate's notBefore; the log names both times.",
        remedy "compare both clocks, or issue the certificate again";
    CertificateRevoked = "certificate-revoked", 401, "the certificate has been revoked",
        when "A revocation source lists the serial; the log names date, reason and source.",
        remedy "get a new certificate with a new key";
    RevocationUnknown = "revocation-unknown", 401, "the certificate's revocation state could not be established",
        when "No revocation source could be asked, and the listener fails closed.",
        remedy "make the CRL or OCSP source reachable, or provide the CRL as a file";
    WrongPurpose = "wrong-purpose", 401, "the certificate is not meant for this purpose",
        when "Extended key usage lacks clientAuth for a client or serverAuth for a server. Public authorities stopped issuing clientAuth in 2025 and 2026.",
        remedy "issue a certificate with the usage that is needed, from a private authority: countersign cert issue";
    NameNotAllowed = "name-not-allowed", 401, "the certificate's name is not allowed here",
        when "Name constraints, the path length, the wanted host name or the environment forbid it.",
        remedy "issue the certificate below an authority that may vouch for this name";
    WeakCertificate = "weak-certificate", 401, "the certificate is too weak",
        when "An RSA key below 2048 bits, a SHA-1 or MD5 signature, or an unsupported curve.",
        remedy "issue the certificate again with ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits and more, signed with SHA-256 or better";
    MalformedCertificate = "malformed-certificate", 401, "the certificate cannot be read",
        when "The certificate does not parse, or breaks a rule that every certificate must keep.",
        remedy "look at it with openssl x509 -noout -text and issue it again";
    UnmappedCertificate = "unmapped-certificate", 401, "authentication required",
        when "The certificate verified, and belongs to no principal.",
        remedy "add a principal with a matching mtls entry under auth.principals; countersign explain --cert FILE --on DATABASE shows what was compared";
    AmbiguousIdentity = "ambiguous-identity", 401, "authentication required",
        when "The certificate matches more than one principal.",
        remedy "make the mtls entries of the principals disjoint";
    CredentialsRequired = "credentials-required", 401, "authentication required",
        when "No credential of any accepted method was presented.",
        remedy "present a credential of a method that the listener accepts";
    CredentialsInvalid = "credentials-invalid", 401, "authentication required",
        when "A credential was presented and is wrong; nothing else is tried after it.",
        remedy "correct the credential";
    CredentialsDisagree = "credentials-disagree", 401, "credentials disagree",
        when "Two credentials name different principals.",
        remedy "present credentials of one principal";
    PrincipalInactive = "principal-inactive", 401, "authentication required",
        when "The principal is known and switched off.",
        remedy "switch the principal on again";
    NoGrant = "no-grant", 403, "forbidden: no access to this database",
        when "No grant gives the principal any access to the target, or the target does not exist.",
        remedy "add a grant for the principal to the database";
    ReadOnly = "read-only", 403, "forbidden: read-only (write not permitted)",
        when "The grant reads and the statement writes.",
        remedy "raise the grant to read-write, or leave the write out";
    NotOnAllowlist = "not-on-allowlist", 403, "forbidden: the call is not on the allowlist",
        when "The allowlist exists and does not hold this call.",
        remedy "add an allowlist entry from the caller to the target";
    AdminOnly = "admin-only", 403, "forbidden: administrators only",
        when "The route is for administrators.",
        remedy "add the principal to control_plane.admins";
    CrossSite = "cross-site", 403, "forbidden: the request was sent by a page of another site",
        when "A browser says that a page of another site had it send a request that changes something.",
        remedy "send it from a program, or from a page of the same host and port";
    RequestNotAllowed = "request-not-allowed", 403, "forbidden: the certificate request asks for more than the asker may have",
        when "A certificate was asked for over the door with names, or anything else, that neither the asker's own certificate nor its invitation allows; or to renew one that cannot be renewed.",
        remedy "ask for the names of the certificate or the invitation, or for fewer; an administrator may invite to others: countersign cert invite";
    InvitationInvalid = "invitation-invalid", 403, "forbidden: the invitation cannot be used",
        when "The invitation is unknown, was used, expired or withdrawn, is for something else, or its secret is wrong.",
        remedy "ask an administrator for a new one: countersign cert invite";
    StatementNotPermitted = "statement-not-permitted", 403, "forbidden: statement not permitted by server policy",
        when "The statement reaches outside its database: ATTACH, DETACH, VACUUM INTO, extension loading, a file-system pragma.",
        remedy "leave the statement out; databases are attached by the configuration";
    RateLimited = "rate-limited", 429, "rate limit exceeded",
        when "The principal sent more requests per second than its limit.",
        remedy "send less, or raise limits.rate.per_principal_rps";
    RoleNotAllowed = "role-not-allowed", 403, "forbidden: not as this user",
        when "A client asks to be a user of the database that its grant does not make it; or nothing says which user it is there.",
        remedy "ask for your own name (psql: user=NAME), or add the role to the service's roles or map";
    PlaintextRefused = "plaintext-refused", 401, "SSL required",
        when "A client of a PostgreSQL listener begins without TLS.",
        remedy "connect with TLS: psql \"sslmode=verify-full sslrootcert=FILE sslcert=FILE sslkey=FILE ...\"";
    UpstreamUnreachable = "upstream-unreachable", 502, "the database's server cannot be reached",
        when "The server behind the door does not answer, or is not the one that it should be; the log says which.",
        remedy "ask an operator: the node's log names the server and the cause, and what to do about it";
    UpstreamSlow = "upstream-slow", 504, "the database's server does not answer in time",
        when "The server behind the door took the connection and said nothing within the service's connect_timeout.",
        remedy "try again; if it stays so, an operator looks at the server's load";
    UpstreamRefused = "upstream-refused", 502, "the database's server refuses the connection",
        when "The server behind the door does not let us in as this user; the log has its words.",
        remedy "an operator compares the service's identity and roles with the server's pg_hba.conf and users";
    TooManyConnections = "too-many-connections", 503, "too many connections",
        when "The address, or the whole listener, has as many open connections as it may.",
        remedy "close connections that are not needed, or raise the limit";
    SessionEnded = "session-ended", 401, "the session has ended",
        when "The certificate was revoked or expired, the grant or principal was removed, or the node is going down; the cause says which.",
        remedy "connect again with a credential that is still good";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
