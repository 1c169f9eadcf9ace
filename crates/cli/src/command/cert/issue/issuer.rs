use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::{Authority, Profile};
use clap::Args;
use config::Overrides;
use daemon::issuing;
use fault::{Fault, Faults};
use identity::Usage;
use ledger::Ledger;
use registrar::unknown_profile;
use time::OffsetDateTime;

use crate::loading::{self, ByHand};

/// Who issues: an authority's files, or a realm.
#[derive(Args)]
pub(super) struct Source {
    /// An authority: PATH.crt with its key PATH.key beside it (the .crt may be left out). Otherwise the realm's issuer.
    #[arg(long, value_name = "PATH")]
    ca: Option<PathBuf>,
    /// The file that holds the password of the authority's key.
    #[arg(long, value_name = "FILE", requires = "ca")]
    ca_key_password_file: Option<PathBuf>,
    /// The ledger that the certificate is recorded in; otherwise the database of the realm that the authority lies in, or
    /// ledger.db beside the authority.
    #[arg(long, value_name = "FILE", requires = "ca")]
    ledger: Option<PathBuf>,
    /// The environment that the certificate's organization names; a realm's configuration says its own.
    #[arg(long, value_name = "NAME", requires = "ca")]
    environment: Option<String>,
    /// The realm.
    #[arg(long, value_name = "DIR", default_value = "realm", conflicts_with = "ca")]
    realm: PathBuf,
}

/// Everything that issuing takes.
pub(super) struct Issuer {
    pub(super) authority: Arc<Authority>,
    pub(super) profile: Profile,
    pub(super) ledger: Arc<dyn Ledger>,
    /// Where new files go where nobody says.
    pub(super) folder: PathBuf,
}

impl Source {
    pub(super) fn open(&self, profile: &str, now: OffsetDateTime) -> Result<Issuer, Faults> {
        match &self.ca {
            Some(ca) => self.by_hand(ca, profile, now),
            None => self.of_the_realm(profile, now),
        }
    }

    fn by_hand(&self, ca: &Path, profile: &str, now: OffsetDateTime) -> Result<Issuer, Faults> {
        let by_hand = ByHand {
            ca,
            key: None,
            password_file: self.ca_key_password_file.as_deref(),
            environment: self.environment.as_deref(),
        };
        let (authority, cert) = by_hand.load(now)?;
        let ledger = loading::of_authority_or_new(&cert, self.ledger.as_deref())?;
        let profile = Profile::named(profile)
            .ok_or_else(|| unknown_profile(profile, ["server", "client", "service"].into_iter()))?;
        Ok(Issuer { authority: Arc::new(authority), profile, ledger, folder: PathBuf::from(".") })
    }

    fn of_the_realm(&self, name: &str, now: OffsetDateTime) -> Result<Issuer, Faults> {
        let file = self.realm.join("countersign.yaml");
        if !file.is_file() {
            return Err(Fault::yours("no realm here")
                .in_file(&file)
                .remedy("make one with countersign up, name it with --realm DIR, or name an authority with --ca PATH")
                .into());
        }
        let (plan, _) = loading::plan(Some(file), Overrides::default())?;
        let profile = issuing::profile(&plan, name)?;
        let authority = issuing::issuer_for(&plan, &profile, now)?;
        let ledger = loading::written_or_new(&plan)?;
        let folder =
            self.realm.join(if profile.usages() == [Usage::ClientAuth] { "clients" } else { "servers" });
        Ok(Issuer { authority, profile, ledger, folder })
    }
}
