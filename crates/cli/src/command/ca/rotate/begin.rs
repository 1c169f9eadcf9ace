//! The first step, which alone takes the root's key.

use std::path::{Path, PathBuf};

use authority::{Authority, Standing};
use clap::Args;
use fault::{Fault, Faults};
use identity::{KeyKind, PrivateKey, Secret};
use registrar::rotation::{NewKey, Of};
use time::{Duration, OffsetDateTime};

use super::place::{Place, Realm, open_key};
use super::{hands, say};
use crate::command::ca::key_kind;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{key_pem, on_record};

/// Begin to replace an issuer: the new one is made below the same root, and believed beside the old one.
///
/// Writes pki/issuers/KIND.next.crt and .key, and adds the new one to the bundles in pki/. Nothing is issued by it yet.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca rotate issuer client
  countersign ca rotate issuer server --root-key /media/usb/root.key")]
pub(crate) struct Issuer {
    /// Which issuer: server, client, service.
    #[arg(value_name = "KIND")]
    kind: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    root: RootKey,
    /// How many days it is valid; never longer than its root.
    #[arg(long, value_name = "N", default_value_t = 730)]
    days: u32,
}

/// Begin to replace the root: a new one is made, certifies the issuers anew, and is vouched for by the old one.
///
/// The issuers keep their keys, so that every certificate stays good. The new root's key is written to root.next.key
/// beside the old one: both belong off this machine as soon as this command is done.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca rotate root --root-key /media/usb/root.key")]
pub(crate) struct Root {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    root: RootKey,
    /// How many days it is valid.
    #[arg(long, value_name = "N", default_value_t = 3650)]
    days: u32,
}

/// The root's key, for this one use.
#[derive(Args)]
struct RootKey {
    /// The root's key; otherwise offline/root.key below the realm.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// The file that holds the password of the root's key; the new root's key gets the same one.
    #[arg(long, value_name = "FILE")]
    root_key_password_file: Option<PathBuf>,
    /// The kind of the new key: ecdsa-p256, ecdsa-p384, ed25519, rsa-3072.
    #[arg(long, value_name = "KIND", default_value = "ecdsa-p256", value_parser = key_kind)]
    key_type: KeyKind,
}

impl Issuer {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.place.open()?;
        let password = realm.password(&self.kind)?;
        let of = Of::Issuer(self.kind.clone());
        let lifetime = Duration::days(self.days.into());
        self.root.begin(&realm, &of, password.as_ref(), lifetime, console)
    }
}

impl Root {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.place.open()?;
        if let Some(name) = realm.elsewhere.first() {
            return Err(Fault::yours(format!("the issuer {name:?} does not lie in a file"))
                .because("the environment gives it, and it would be left below the old root")
                .remedy("write it to files and name them in authority.issuers, for the time of the rotation")
                .into());
        }
        let password = self.root.password()?;
        self.root.begin(&realm, &Of::Root, password.as_ref(), Duration::days(self.days.into()), console)
    }
}

impl RootKey {
    /// Goes on with what was cut off, or begins; only that takes the root's key.
    fn begin(
        &self,
        realm: &Realm,
        of: &Of,
        password: Option<&Secret>,
        lifetime: Duration,
        console: &mut Console,
    ) -> Result<Exit, Faults> {
        let hands = hands(realm, console);
        let new = NewKey {
            make: &|| self.new_key(),
            seal: &|key| key_pem(key, password),
            open: &|path| open_key(path, password),
            lifetime,
        };
        let done = on_record(realm.ledger.as_ref(), async {
            let turn = hands.alone(&realm.doing(&of.to_string())).await?;
            if let Some(done) = turn.resume(of).await? {
                return Ok(done);
            }
            let key = self.path(realm);
            let root = self.load(realm, &key, hands.now)?;
            match of {
                Of::Issuer(name) => turn.begin_issuer(name, &root, &new).await,
                Of::Root => turn.begin_root(&root, &files::next(&key), &new).await,
            }
        })?;
        say(console, &done);
        Ok(Exit::Done)
    }

    fn path(&self, realm: &Realm) -> PathBuf {
        self.root_key.clone().unwrap_or_else(|| realm.folder.join("offline/root.key"))
    }

    fn load(&self, realm: &Realm, key: &Path, now: OffsetDateTime) -> Result<Authority, Fault> {
        let password = self.password()?;
        Authority::load(&realm.places.root, key, password.as_ref(), Standing::ByHand, None, now)
    }

    fn password(&self) -> Result<Option<Secret>, Fault> {
        self.root_key_password_file.as_deref().map(files::load_password).transpose()
    }

    fn new_key(&self) -> Result<PrivateKey, Fault> {
        PrivateKey::generate(self.key_type).map_err(|error| {
            Fault::yours(format!("no key of the kind {} could be made", self.key_type)).because(error)
        })
    }
}
