//! The files of one service: a folder for each leaf, and links to the one that is presented and the one before it.
//!
//! ```text
//! state/services/backend/
//!   4F0A…/tls.crt      leaf and issuer, mode 0600
//!   4F0A…/tls.key      its key, mode 0600
//!   current  -> 4F0A…  replaced in one step
//!   previous -> 91C2…
//! ```
//!
//! A pair is written whole before a link points at it and never changed after that, so whoever follows a link once and
//! reads both files below it has a pair that belongs together.

use std::path::{Path, PathBuf};

use fault::Fault;
use identity::{Credential, PrivateKey, Serial};
use time::OffsetDateTime;

#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// A leaf's pair, as it is found on disk.
pub(crate) enum Found {
    /// It can be presented.
    Good(Credential),
    /// A file is not there, or the key is another certificate's: nobody can present the leaf from here any more.
    Lost(Fault),
    /// It cannot be used at this moment, which says nothing of the next: a file that cannot be read, a clock that was
    /// ahead when the leaf was issued.
    Unusable(Fault),
}

impl Folder {
    pub(crate) fn of(state: &Path, service: &str) -> Self {
        Self(state.join(service))
    }

    /// Puts a new leaf's key in its place, before anything is on record: a certificate whose key was lost would be of
    /// use to nobody.
    pub(crate) fn keep_key(&self, serial: &Serial, key: &PrivateKey) -> Result<(), Fault> {
        let folder = self.of_leaf(serial);
        files::create_folder(&folder)?;
        files::replace_secret(&folder.join(KEY), key.to_pem().as_bytes())
    }

    /// Puts the chain beside its key.
    pub(crate) fn keep_chain(&self, serial: &Serial, chain: &str) -> Result<(), Fault> {
        files::replace_secret(&self.of_leaf(serial).join(CHAIN), chain.as_bytes())
    }

    /// The key of a leaf; none where it is not there.
    pub(crate) fn key(&self, serial: &Serial) -> Result<Option<PrivateKey>, Fault> {
        match self.lacks(serial, KEY) {
            true => Ok(None),
            false => files::load_key(&self.of_leaf(serial).join(KEY), None).map(Some),
        }
    }

    /// What there is of a leaf. What cannot be read is not taken for lost.
    pub(crate) fn find(&self, serial: &Serial, now: OffsetDateTime) -> Found {
        match self.credential(serial, now) {
            Ok(credential) if credential.leaf().identity().serial() == serial => Found::Good(credential),
            Ok(_) => Found::Lost(
                Fault::theirs("the files hold another certificate than the one on record")
                    .in_file(self.of_leaf(serial)),
            ),
            Err(fault) if self.is_lost(serial) => Found::Lost(fault),
            Err(fault) => Found::Unusable(fault),
        }
    }

    fn is_lost(&self, serial: &Serial) -> bool {
        if self.lacks(serial, KEY) || self.lacks(serial, CHAIN) {
            return true;
        }
        match (files::load_certificates(&self.of_leaf(serial).join(CHAIN)), self.key(serial)) {
            (Ok(chain), Ok(Some(key))) => Credential::new(chain, key).is_err(),
            _ => false,
        }
    }

    /// Whether a file is not there, which is more than that it cannot be opened.
    fn lacks(&self, serial: &Serial, name: &str) -> bool {
        let entry = self.of_leaf(serial).join(name).symlink_metadata();
        entry.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// A leaf with its key, as it is on disk.
    pub(crate) fn credential(&self, serial: &Serial, now: OffsetDateTime) -> Result<Credential, Fault> {
        let folder = self.of_leaf(serial);
        files::load_credential(&folder.join(CHAIN), &folder.join(KEY), None, now)
            .map(|(credential, _)| credential)
    }

    /// Points `current` at a leaf, and `previous` at the one before, each in one step.
    pub(crate) fn switch(&self, current: &Serial, previous: Option<&Serial>) -> Result<(), Fault> {
        match previous {
            Some(previous) => files::point(&self.0.join(PREVIOUS), Path::new(&previous.to_string()))?,
            None => files::clear(&self.0.join(PREVIOUS))?,
        }
        files::point(&self.0.join(CURRENT), Path::new(&current.to_string()))
    }

    /// Removes everything but these leaves and the links to them.
    pub(crate) fn keep_only(&self, serials: &[String]) -> Result<(), Fault> {
        for name in self.names()? {
            let path = self.0.join(&name);
            let wanted = match name.as_str() {
                CURRENT | PREVIOUS => std::fs::read_link(&path)
                    .is_ok_and(|to| serials.iter().any(|serial| to == Path::new(serial))),
                name => serials.iter().any(|serial| serial == name),
            };
            if !wanted {
                files::clear(&path)?;
            }
        }
        Ok(())
    }

    /// The leaves whose files are here, whoever put them there.
    pub(crate) fn leaves(&self) -> Result<Vec<Serial>, Fault> {
        let names = self.names()?;
        Ok(names
            .iter()
            .filter_map(|name| Serial::parse(name).ok().filter(|serial| serial.to_string() == *name))
            .collect())
    }

    fn names(&self) -> Result<Vec<String>, Fault> {
        let unread = |error: &std::io::Error| {
            Fault::theirs("the folder of a service cannot be read").in_file(&self.0).because(error)
        };
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unread(&error)),
        };
        entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_, _>>()
            .map_err(|error| unread(&error))
    }

    fn of_leaf(&self, serial: &Serial) -> PathBuf {
        self.0.join(serial.to_string())
    }
}

/// The link to the leaf that is presented.
const CURRENT: &str = "current";
/// The link to the one before it, while that is good.
const PREVIOUS: &str = "previous";
const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";
