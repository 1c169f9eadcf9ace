//! The issuers whose lists are asked for, and their ledger.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::Authority;
use clap::Args;
use config::{CrlPlan, Overrides};
use daemon::issuing;
use fault::{Fault, Faults};
use ledger::{CertificateFilter, Ledger};
use time::{Duration, OffsetDateTime};

use crate::loading::{self, ByHand};

/// Whose list: a realm's issuers, or an authority by its files.
#[derive(Args)]
pub(super) struct Source {
    /// One issuer, by its name in the configuration: client, server, service; otherwise every one.
    #[arg(long, value_name = "NAME", conflicts_with = "ca")]
    issuer: Option<String>,
    /// The realm.
    #[arg(long, value_name = "DIR", default_value = "realm", conflicts_with = "ca")]
    realm: PathBuf,
    /// An authority by its files, a root too: PATH.crt with its key PATH.key beside it.
    #[arg(long, value_name = "PATH")]
    ca: Option<PathBuf>,
    /// The authority's key, where it is not beside the certificate.
    #[arg(long, value_name = "FILE", requires = "ca")]
    key: Option<PathBuf>,
    /// The file that holds the password of the authority's key; a realm's configuration names its own.
    #[arg(long, value_name = "FILE", requires = "ca")]
    ca_key_password_file: Option<PathBuf>,
    /// The ledger that holds the revocations; otherwise the database of the realm that the authority lies in, or ledger.db
    /// beside the authority.
    #[arg(long, value_name = "FILE", requires = "ca")]
    ledger: Option<PathBuf>,
}

/// An issuer that signs a list.
pub(super) struct Issuer {
    /// What its file is called.
    pub(super) name: String,
    pub(super) authority: Arc<Authority>,
}

/// Everything that signing takes.
pub(super) struct Held {
    pub(super) issuers: Vec<Issuer>,
    pub(super) ledger: Arc<dyn Ledger>,
    /// How long a list is valid where nobody says.
    pub(super) lifetime: Duration,
    /// Where lists go where nobody says.
    pub(super) folder: PathBuf,
}

impl Source {
    pub(super) fn open(&self, now: OffsetDateTime) -> Result<Held, Faults> {
        match &self.ca {
            Some(ca) => self.by_hand(ca, now),
            None => self.of_the_realm(now),
        }
    }

    fn by_hand(&self, ca: &Path, now: OffsetDateTime) -> Result<Held, Faults> {
        let by_hand = ByHand {
            ca,
            key: self.key.as_deref(),
            password_file: self.ca_key_password_file.as_deref(),
            environment: None,
        };
        let (authority, cert) = by_hand.load(now)?;
        let ledger = loading::of_authority(&cert, self.ledger.as_deref())?;
        let name = cert.file_stem().and_then(|stem| stem.to_str()).unwrap_or("ca").to_owned();
        let folder = cert.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Held {
            issuers: vec![Issuer { name, authority: Arc::new(authority) }],
            ledger,
            lifetime: lifetime(CrlPlan::default()),
            folder,
        })
    }

    fn of_the_realm(&self, now: OffsetDateTime) -> Result<Held, Faults> {
        let file = self.realm.join("countersign.yaml");
        if !file.is_file() {
            return Err(Fault::yours("no realm here")
                .in_file(&file)
                .remedy("make one with countersign up, name it with --realm DIR, or name an authority with --ca PATH")
                .into());
        }
        let (plan, _) = loading::plan(Some(file), Overrides::default())?;
        let Some(written) = &plan.authority else {
            return Err(Fault::yours("the configuration has no authority")
                .remedy("name one with --ca PATH, or add authority: { … }")
                .into());
        };
        let issuers = issuing::issuers(&plan, now)?;
        let issuers = issuers.into_iter().map(|(name, authority)| Issuer { name, authority }).collect();
        Ok(Held {
            issuers: self.asked_for(issuers)?,
            ledger: loading::written_down(&plan)?,
            lifetime: lifetime(written.crl),
            folder: self.realm.join("pki"),
        })
    }

    fn asked_for(&self, mut issuers: Vec<Issuer>) -> Result<Vec<Issuer>, Fault> {
        let known: Vec<String> = issuers.iter().map(|issuer| issuer.name.clone()).collect();
        if let Some(name) = &self.issuer {
            issuers.retain(|issuer| issuer.name == *name);
        }
        match (&self.issuer, issuers.is_empty()) {
            (_, false) => Ok(issuers),
            (None, true) => {
                Err(Fault::yours("the configuration has no issuers").remedy("add authority.issuers"))
            }
            (Some(name), true) => {
                let near = fault::nearest(name, known.iter().map(String::as_str));
                let remedy =
                    near.map_or_else(|| known.join(", "), |near| format!("did you mean \"{near}\"?"));
                Err(Fault::yours(format!("no issuer \"{name}\"")).remedy(remedy))
            }
        }
    }
}

impl Issuer {
    /// An issuer of which the ledger has never heard has perhaps another ledger, and then its list lacks what that one
    /// holds.
    pub(super) async fn unless_known(&self, ledger: &dyn Ledger) -> Result<Option<Fault>, Fault> {
        let issuer = Some(self.authority.key_id());
        let filter = CertificateFilter { issuer, limit: 1, ..CertificateFilter::default() };
        let known = !ledger.certificates(filter).await?.entries.is_empty();
        Ok((!known).then(|| {
            let name = self.authority.certificate().identity().subject().to_string();
            Fault::yours(format!(
                "the ledger holds no certificate that \"{name}\" issued, so its list is empty"
            ))
            .remedy("where it issues with another ledger, name that one: --ca PATH --ledger FILE")
        }))
    }
}

fn lifetime(plan: CrlPlan) -> Duration {
    Duration::try_from(plan.lifetime).unwrap_or(Duration::MAX)
}
