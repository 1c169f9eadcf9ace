//! Where a realm's authorities lie, by its configuration, or by the folders that `ca init-root` makes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use config::{KeyPassword, Overrides, PemText, Plan};
use fault::{Fault, Faults};
use identity::{PrivateKey, Secret};
use ledger::Ledger;
use registrar::rotation::Places;
use time::Duration;

use crate::loading;

/// The realm whose authorities are rotated.
#[derive(Args)]
pub(crate) struct Place {
    /// The realm.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
}

/// A realm, its ledger open.
pub(super) struct Realm {
    pub(super) folder: PathBuf,
    pub(super) places: Places,
    pub(super) ledger: Arc<dyn Ledger>,
    /// How long nobody may have come by the old ones before they go.
    pub(super) quiet: Duration,
    /// Who rotates, for the record.
    pub(super) by: String,
    passwords: BTreeMap<String, KeyPassword>,
    /// Issuers that do not lie in files.
    pub(super) elsewhere: Vec<String>,
}

impl Place {
    pub(super) fn open(&self) -> Result<Realm, Faults> {
        let configuration = self.realm.join("countersign.yaml");
        let plan = match configuration.is_file() {
            true => Some(loading::plan(Some(configuration), Overrides::default())?.0),
            false => None,
        };
        let ledger = loading::ledger_of(&self.realm)?;
        let retired = self.realm.join("offline/retired");
        let mut realm = Realm {
            folder: self.realm.clone(),
            places: Places { root: self.realm.join("pki/root.crt"), issuers: BTreeMap::new(), retired },
            ledger,
            quiet: QUIET,
            by: format!("uid {}", rustix::process::getuid().as_raw()),
            passwords: BTreeMap::new(),
            elsewhere: Vec::new(),
        };
        match &plan {
            Some(plan) => realm.written(plan)?,
            None => realm.found(),
        }
        Ok(realm)
    }
}

impl Realm {
    /// What the configuration says.
    fn written(&mut self, plan: &Plan) -> Result<(), Fault> {
        let authority = plan.authority.as_ref().ok_or_else(|| {
            Fault::yours("the configuration has no authority").remedy("add authority: { … }")
        })?;
        self.quiet = Duration::try_from(authority.rotation.quiet).unwrap_or(QUIET);
        if let Some(root) = &authority.root_cert {
            self.places.root.clone_from(root);
        }
        for (name, issuer) in &authority.issuers {
            match (&issuer.cert, &issuer.key) {
                (PemText::File(cert), PemText::File(key)) => {
                    self.places.issuers.insert(name.clone(), (cert.clone(), key.clone()));
                }
                _ => self.elsewhere.push(name.clone()),
            }
            self.passwords.extend(issuer.key_password.clone().map(|password| (name.clone(), password)));
        }
        Ok(())
    }

    /// What lies there.
    fn found(&mut self) {
        for kind in authority::IssuerKind::ALL {
            let [cert, key] = ["crt", "key"].map(|end| self.folder.join(format!("pki/issuers/{kind}.{end}")));
            if cert.is_file() {
                self.places.issuers.insert(kind.to_string(), (cert, key));
            }
        }
    }

    /// What is done and where, for whoever wants to do something at the same time.
    pub(super) fn doing(&self, step: &str) -> String {
        let machine = rustix::system::uname();
        let folder = std::path::absolute(&self.folder).unwrap_or(self.folder.clone());
        format!(
            "countersign ca rotate {step} on {}, in {}",
            machine.nodename().to_string_lossy(),
            folder.display()
        )
    }

    /// The password of an issuer's key, as the node that holds it has it.
    pub(super) fn password(&self, issuer: &str) -> Result<Option<Secret>, Fault> {
        match self.passwords.get(issuer) {
            None => Ok(None),
            Some(KeyPassword::Given(secret)) => Ok(Some(secret.clone())),
            Some(KeyPassword::File(path)) => files::load_password(path).map(Some),
        }
    }
}

/// Reads a key that an earlier attempt has left.
pub(super) fn open_key(path: &Path, password: Option<&Secret>) -> Result<PrivateKey, Fault> {
    files::load_key(path, password)
}

/// A week, where no configuration says another time.
const QUIET: Duration = Duration::days(7);
