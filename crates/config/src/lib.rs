//! A configuration file, the environment and flags, read into a [`Plan`].
//!
//! Two steps: what was *written*, each value with its place ([`section`]), and what is *valid* ([`plan`]). Between
//! them stands [`check`], which finds everything that is wrong in one look.
//!
//! - [`sources`]: what a configuration is read from.
//! - [`yaml`], [`expand`]: text → a tree with places; variables in values.
//! - [`scalar`], [`table`], [`reader`]: single values, tables of keys declared once, and taking them from the tree.
//! - [`section`]: the keys of each section.
//! - [`check`]: the rules that span keys.
//! - [`origin`]: where each value came from.
//! - [`reference`](mod@reference): the reference page, from the same declarations.

mod check;
mod expand;
mod origin;
mod plan;
mod read;
mod reader;
mod reference;
mod scalar;
mod section;
mod sources;
mod table;
mod yaml;

pub use check::fixed_port;
pub use origin::Origin;
pub use plan::{
    AcmePlan, AllowWeaker, AuditPlan, AuthorityPlan, Backend, ChallengePlan, ClientAuth, ClientCa,
    ControlPlanePlan, CrlPlan, DatabasePlan, DeniedSerial, EnrolmentPlan, Environment, IssuerPlan,
    KeyPassword, LedgerPlan, LimitsPlan, ListenerPlan, LogFormat, LogLevel, LoggingPlan, OpenMode, PemText,
    Plan, PostgresPlan, ProfilePlan, PublishingPlan, ReloadPlan, ReplicationPlan, RevocationPlan,
    RootOcspPlan, SecretKept, SecretPlan, Serves, SharedCertificatePlan, SslMode, TlsMode, TlsPlan,
    TlsVersion, Transport, UpstreamAddress, UpstreamIdentityPlan, UpstreamPlan, UpstreamSslMode, WarmPlan,
};
pub use read::{read, read_database, read_text};
pub use reference::reference;
pub use sources::{Overrides, Sources};
