//! What was read, checked and resolved: nothing in here is left open except what the certificates themselves decide.

mod acme;
mod authority;
mod ledger;
mod reload;
mod replication;
mod revocation;
mod secret;
mod upstream;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use access::{Accepted, GrantSpec, PrincipalSpec};
use fault::Place;

pub use self::acme::{AcmePlan, ChallengePlan};
pub use self::authority::{
    AuthorityPlan, CrlPlan, EnrolmentPlan, IssuerPlan, KeyPassword, PemText, ProfilePlan, PublishingPlan,
    RootOcspPlan,
};
pub use self::ledger::{PostgresPlan, SslMode};
pub use self::reload::{AllowWeaker, ReloadPlan};
pub use self::replication::ReplicationPlan;
pub use self::revocation::{DeniedSerial, RevocationPlan};
pub use self::secret::{SecretKept, SecretPlan};
pub use self::upstream::{
    SharedCertificatePlan, UpstreamAddress, UpstreamIdentityPlan, UpstreamPlan, UpstreamSslMode, WarmPlan,
};
use crate::origin::Origin;
use crate::scalar::words;
use crate::table::shapes;

/// A configuration ready to start. Every path is absolute.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder that relative paths were resolved against.
    pub base: PathBuf,
    /// The file that was read; none where the environment alone configures.
    pub file: Option<PathBuf>,
    /// Which environment this node serves.
    pub environment: Environment,
    /// Where issued and revoked certificates are recorded.
    pub ledger: Option<LedgerPlan>,
    /// Our own authority; none for a door without one.
    pub authority: Option<AuthorityPlan>,
    /// TLS profiles by name; each is used by a listener.
    pub tls: BTreeMap<String, TlsPlan>,
    /// Where peers arrive.
    pub listeners: Vec<ListenerPlan>,
    /// Named parties.
    pub principals: Vec<PrincipalSpec>,
    /// Who may do what.
    pub grants: Vec<GrantSpec>,
    /// Nobody is configured: everyone may read and write (only on loopback, or where allowed by name).
    pub open: bool,
    /// Databases that are served.
    pub databases: Vec<DatabasePlan>,
    /// The PostgreSQL servers behind the door, which databases name.
    pub upstreams: Vec<UpstreamPlan>,
    /// The administrators' routes.
    pub control_plane: ControlPlanePlan,
    /// Bounds.
    pub limits: LimitsPlan,
    /// What is recorded for auditors.
    pub audit: AuditPlan,
    /// What is logged.
    pub logging: LoggingPlan,
    /// What a reload may make weaker than it was.
    pub allow_weaker: AllowWeaker,
    /// How the connection between nodes that share a ledger is judged.
    pub replication: ReplicationPlan,
    /// When the configuration is read again without being told to.
    pub reload: ReloadPlan,
    /// Every verified certificate is the principal that its common name names: no principals are configured, and
    /// the one TLS block or the environment gives a client CA, or nothing that could sign anyone in.
    pub env_only: bool,
    /// Where each value came from.
    pub origins: Vec<Origin>,
}

words! {
    /// Which environment a node serves.
    pub enum Environment {
        /// A developer's machine; self-signed certificates may be used.
        Development = "development",
        /// A rehearsal of production.
        Staging = "staging",
        /// The real thing.
        Production = "production",
    }
}

/// Where the ledger is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerPlan {
    /// In an SQLite file.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// In a PostgreSQL database.
    Postgres(PostgresPlan),
}

/// One TLS profile.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// Where the server certificate comes from.
    pub mode: TlsMode,
    /// Who may vouch for clients.
    pub client_ca: Option<ClientCa>,
    /// Whether a client certificate is asked for or demanded; none: demanded where a listener accepts nothing else.
    pub client_auth: Option<ClientAuth>,
    /// The lowest TLS version spoken.
    pub min_version: TlsVersion,
    /// Whether client certificates of X.509 version 1 are accepted.
    pub allow_x509_v1: bool,
    /// The names that it serves.
    pub hosts: Vec<String>,
    /// What counts as revoked among client certificates, and who is asked about the others.
    pub revocation: RevocationPlan,
}

/// Where a server certificate comes from.
#[derive(Clone, Debug)]
pub enum TlsMode {
    /// From files.
    Files {
        /// The chain, leaf first.
        cert: PathBuf,
        /// The leaf's key.
        key: PathBuf,
        /// What opens the key.
        key_password: Option<KeyPassword>,
    },
    /// From our own authority, reissued before it ends.
    Authority {
        /// The names it is issued for.
        hosts: Vec<String>,
    },
    /// The certificate of a registered service, as it is rotated.
    Service {
        /// The service.
        name: String,
    },
    /// Made at start, trusted by nobody.
    SelfSigned {
        /// The names it is made for, besides localhost and the loopback addresses.
        hosts: Vec<String>,
    },
}

/// Who may vouch for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCa {
    /// The certificates in a file or a folder.
    Path(PathBuf),
    /// The client issuer of our own authority.
    Authority,
}

words! {
    /// Whether a client certificate is demanded.
    pub enum ClientAuth {
        /// No handshake without one.
        Require = "require",
        /// It may be left out; one that is given must verify.
        Request = "request",
    }
}

words! {
    /// A version of TLS.
    pub enum TlsVersion {
        /// TLS 1.2.
        V1_2 = "1.2",
        /// TLS 1.3.
        V1_3 = "1.3",
    }
}

/// Where peers arrive.
#[derive(Clone, Debug)]
pub struct ListenerPlan {
    /// Its name.
    pub name: String,
    /// What is spoken there.
    pub transport: Transport,
    /// The address as written; an empty host means every interface.
    pub address: String,
    /// Its TLS profile; always given for [`Transport::H2`] and [`Transport::Postgres`].
    pub tls: Option<String>,
    /// What it accepts. Empty only where the environment configures no way to sign in: then nobody can.
    pub auth: Vec<Accepted>,
    /// What it answers; never empty.
    pub serves: Vec<Serves>,
    /// For [`Transport::Postgres`]: whether a request to cancel is honoured that comes in clear text.
    pub plaintext_cancel: bool,
    /// Where it was written.
    pub place: Option<Place>,
}

impl ListenerPlan {
    /// Whether peers without a name may ask for whatever the grants give to everybody.
    #[must_use]
    pub fn lets_strangers_in(&self) -> bool {
        self.auth.contains(&Accepted::None) && self.answers(Serves::Everything)
    }

    /// Whether it answers what this word stands for.
    #[must_use]
    pub fn answers(&self, what: Serves) -> bool {
        self.serves.contains(&Serves::Everything) || self.serves.contains(&what)
    }

    /// The address to bind: the one written, with an empty host spelt out.
    #[must_use]
    pub fn bind_address(&self) -> String {
        match self.address.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => self.address.clone(),
        }
    }
}

words! {
    /// What a listener answers.
    pub enum Serves {
        /// All that there is.
        Everything = "everything",
        /// What our authority publishes: certificates, lists, answers about revocation (`/pki/…`).
        Published = "published",
        /// Requests for certificates (`/api/enrolment/…`).
        Enrolment = "enrolment",
        /// Requests for certificates by RFC 8555 (`/acme/…`).
        Acme = "acme",
    }
}

words! {
    /// What is spoken on a listener.
    pub enum Transport {
        /// HTTP/1.1 in clear text.
        H1 = "h1",
        /// HTTP/2 and HTTP/1.1 over TLS.
        H2 = "h2",
        /// PostgreSQL's protocol over TLS.
        Postgres = "postgres",
    }
    later { "h2c", "h3", "unix", "grpc", "redis", "tcp" }
}

/// A database that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabasePlan {
    /// Its name in paths and grants.
    pub name: String,
    /// Where it is kept.
    pub backend: Backend,
    /// Its file; always given for [`Backend::File`] and [`Backend::Ledger`].
    pub path: Option<PathBuf>,
    /// How the file is opened.
    pub mode: OpenMode,
    /// Whether the settings that suit a server are applied (WAL, a busy timeout, foreign keys).
    pub recommended_pragmas: bool,
    /// For [`Backend::Postgres`]: the service that it is on; always given there.
    pub service: Option<String>,
    /// For [`Backend::Postgres`]: the names by which a client's handshake chooses it, in small letters.
    pub hosts: Vec<String>,
}

words! {
    /// Where a database is kept.
    pub enum Backend {
        /// In a file.
        File = "file",
        /// In memory, shared by all sessions, gone at the end.
        MemoryShared = "memory-shared",
        /// The node's own ledger: its views, and nothing but them, for reading alone.
        Ledger = "ledger",
        /// On a PostgreSQL behind the door.
        Postgres = "postgres",
    }
    later { "memory", "mvcc", "memdb", "vault" }
}

words! {
    /// How a database file is opened.
    pub enum OpenMode {
        /// For reading and writing; it must exist.
        Rw = "rw",
        /// For reading; it must exist.
        Ro = "ro",
        /// For reading and writing; it is created where it does not exist.
        Rwc = "rwc",
    }
}

/// The administrators' routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlPlanePlan {
    /// Whether they are served.
    pub enabled: bool,
    /// Who may use them; never empty where enabled.
    pub admins: Vec<String>,
}

/// Bounds; what may be 0 says what 0 means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsPlan {
    /// Rows of an answer before it is cut off.
    pub max_rows: u64,
    /// Bytes of an answer before it is cut off.
    pub max_result_bytes: u64,
    /// Bytes of a request's body.
    pub max_request_bytes: u64,
    /// How long one statement may run.
    pub statement_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
    /// Connections at once.
    pub max_connections: u64,
    /// Connections at once from one IP address.
    pub max_connections_per_ip: u64,
    /// Handshakes at once from one IP address.
    pub handshakes_per_ip: u64,
    /// Statements at once on one database; 0 for no bound.
    pub max_concurrent_per_db: u64,
    /// Requests each second by one principal; 0 for no bound.
    pub per_principal_rps: u64,
    /// How long requests in flight may take once the node is going down.
    pub shutdown: Duration,
}

/// What is recorded for auditors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditPlan {
    /// Refused sign-ins.
    pub failed: bool,
    /// Successful sign-ins.
    pub successful: bool,
    /// How long records are kept.
    pub retention: Duration,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggingPlan {
    /// How a line is written.
    pub format: LogFormat,
    /// The least important lines that are still written.
    pub level: LogLevel,
    /// Whether each request has a line.
    pub access: bool,
}

words! {
    /// How a log line is written.
    pub enum LogFormat {
        /// For people.
        Text = "text",
        /// For programs.
        Json = "json",
    }
}

words! {
    /// How important a log line is.
    pub enum LogLevel {
        /// Needs someone now.
        Error = "error",
        /// Needs someone soon.
        Warn = "warn",
        /// Tells what happens.
        Info = "info",
        /// For finding faults.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

shapes! { Serves Environment Transport Backend OpenMode LogFormat LogLevel }
