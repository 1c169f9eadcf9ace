//! The files of a rotation: what lies where in each phase.
//!
//! ```text
//!                before           distributed           moved                    removed
//! root.crt       old              old, new              new, old                 new
//! KIND.crt       old              old                   new                      new
//! KIND.next.crt                   new
//! KIND.old.crt                                          old
//! KIND-ca.crt    …old…            …old…new…             new…old…                 …new…
//! ```
//!
//! Every file is replaced whole, and each order of these steps that a crash can leave is one that a node can start from:
//! the certificate says which of the keys beside it is its own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fault::Fault;
use files::{next, old};
use identity::{Certificate, certificates_from_pem};

use super::record::{Change, Of, Phase, Rotation, pem};

/// Where a node's authorities lie, as its configuration says.
#[derive(Clone, Debug)]
pub struct Places {
    /// The root's certificate. The bundles lie beside it.
    pub root: PathBuf,
    /// Certificate and key of each issuer that lies in files.
    pub issuers: BTreeMap<String, (PathBuf, PathBuf)>,
    /// Where what was replaced is put away.
    pub retired: PathBuf,
}

impl Places {
    /// Brings the files to the rotation's phase; what is there already stays. Returns what was written or moved.
    ///
    /// # Errors
    /// A file cannot be read or written, or a new key is not here. What was done stays done, and the same call goes on.
    pub fn lay(&self, rotation: &Rotation) -> Result<Vec<PathBuf>, Fault> {
        let mut laying = Laying { places: self, written: Vec::new() };
        let root = rotation.changes.iter().find(|change| change.is_root());
        // A root comes before what stands below it, and goes after.
        let going = matches!(rotation.phase, Phase::Removed | Phase::Aborted);
        if let Some(root) = root.filter(|_| !going) {
            laying.root(root, rotation.phase)?;
        }
        for change in &rotation.changes {
            // This machine may not have that issuer.
            if let Some((cert, key)) = self.issuers.get(&change.name) {
                laying.issuer(change, cert, key, rotation.phase)?;
            }
        }
        laying.bundles(rotation)?;
        laying.away(rotation)?;
        if let Some(root) = root.filter(|_| going) {
            laying.root(root, rotation.phase)?;
        }
        Ok(laying.written)
    }

    /// The bundle by which others trust an issuer's leaves.
    #[must_use]
    pub fn bundle(&self, issuer: &str) -> PathBuf {
        self.root.with_file_name(format!("{issuer}-ca.crt"))
    }
}

struct Laying<'a> {
    places: &'a Places,
    written: Vec<PathBuf>,
}

impl Laying<'_> {
    fn root(&mut self, change: &Change, phase: Phase) -> Result<(), Fault> {
        let bundle = match phase {
            Phase::Aborted => change.old.clone(),
            Phase::Begun | Phase::Distributed | Phase::Acknowledged => {
                format!("{}{}", change.old, change.new)
            }
            Phase::Moved => format!("{}{}", change.new, change.old),
            Phase::Removed => change.settled.clone(),
        };
        self.write(&self.places.root.clone(), &bundle)
    }

    fn issuer(&mut self, change: &Change, cert: &Path, key: &Path, phase: Phase) -> Result<(), Fault> {
        match phase {
            Phase::Begun | Phase::Distributed | Phase::Acknowledged => self.write(&next(cert), &change.new),
            Phase::Moved => self.moved(change, cert, key),
            Phase::Removed => self.moved(change, cert, key).and_then(|()| self.write(cert, &change.settled)),
            Phase::Aborted => self.remove(&next(cert)).and_then(|()| self.remove(&next(key))),
        }
    }

    /// The old key is safe before the certificate changes, and the new one lies at its place after.
    fn moved(&mut self, change: &Change, cert: &Path, key: &Path) -> Result<(), Fault> {
        if change.rekeyed {
            self.keep_old_key(change, cert, key)?;
        }
        if !self.is(cert, &change.settled)? {
            self.write(&old(cert), &change.old)?;
            self.write(cert, &change.new)?;
        }
        if change.rekeyed && next(key).exists() {
            files::rename(&next(key), key)?;
            self.written.push(key.to_owned());
        }
        self.remove(&next(cert))
    }

    fn keep_old_key(&mut self, change: &Change, cert: &Path, key: &Path) -> Result<(), Fault> {
        match (next(key).exists(), old(key).exists()) {
            (true, false) => {
                files::copy_secret(key, &old(key))?;
                self.written.push(old(key));
                Ok(())
            }
            (_, true) => Ok(()),
            // Moved already, and put away.
            (false, false) if self.is(cert, &change.settled)? => Ok(()),
            (false, false) => {
                Err(Fault::yours(format!("the key of the new issuer {:?} is not here", change.name))
                    .in_file(next(key))
                    .because("the rotation was begun in another folder, and keys are never in the ledger")
                    .remedy(
                        "copy the file from where countersign ca rotate issuer was run, with its mode 0600",
                    ))
            }
        }
    }

    /// Each bundle holds old and new while they overlap, in the order in which they are to be believed; what else it holds
    /// stays.
    fn bundles(&mut self, rotation: &Rotation) -> Result<(), Fault> {
        for name in self.places.issuers.keys() {
            let bundle = self.places.bundle(name);
            if !bundle.is_file() {
                continue;
            }
            let held = read(&bundle)?;
            let (old, new) = concerned(rotation, name, &held);
            let others = held.iter().filter(|one| !old.contains(one) && !new.contains(one)).cloned();
            let others: Vec<Certificate> = others.collect();
            let wanted: Vec<Certificate> = match rotation.phase {
                Phase::Aborted => old.into_iter().chain(others).collect(),
                Phase::Begun | Phase::Distributed | Phase::Acknowledged => {
                    old.into_iter().chain(new).chain(others).collect()
                }
                Phase::Moved => new.into_iter().chain(old).chain(others).collect(),
                Phase::Removed => new.into_iter().chain(others).collect(),
            };
            // A root leads: some tools read the first certificate alone, and accept no chain that ends below a root.
            let (roots, issuers): (Vec<_>, Vec<_>) =
                wanted.into_iter().partition(Certificate::is_self_issued);
            self.write(&bundle, &pem(&[roots, issuers].concat()))?;
        }
        Ok(())
    }

    /// What was replaced is put away, and the new root's key lies where the old one's lay.
    fn away(&mut self, rotation: &Rotation) -> Result<(), Fault> {
        if rotation.phase != Phase::Removed {
            return Ok(());
        }
        for change in rotation.changes.iter().filter(|change| !change.is_root()) {
            let Some((cert, key)) = self.places.issuers.get(&change.name) else { continue };
            let Some(was) = change.old_one() else { continue };
            let serial = was.identity().serial();
            for (from, ending) in [(old(cert), "crt"), (old(key), "key")] {
                let to = self.places.retired.join(format!("{}-{serial}.{ending}", change.name));
                self.put_away(&from, &to)?;
            }
        }
        match rotation.of {
            Of::Root => self.swap_root_key(rotation),
            Of::Issuer(_) => Ok(()),
        }
    }

    fn swap_root_key(&mut self, rotation: &Rotation) -> Result<(), Fault> {
        let Some(key) = self.places.retired.parent().map(|offline| offline.join("root.key")) else {
            return Ok(());
        };
        let was = rotation.changes.iter().find(|change| change.is_root()).and_then(Change::old_one);
        let (Some(was), true) = (was, next(&key).exists()) else { return Ok(()) };
        if key.exists() {
            let to = self.places.retired.join(format!("root-{}.key", was.identity().serial()));
            self.put_away(&key, &to)?;
        }
        files::rename(&next(&key), &key)?;
        self.written.push(key);
        Ok(())
    }

    fn put_away(&mut self, from: &Path, to: &Path) -> Result<(), Fault> {
        if !from.exists() {
            return Ok(());
        }
        files::create_folder(&self.places.retired)?;
        files::rename(from, to)?;
        self.written.push(to.to_owned());
        Ok(())
    }

    fn write(&mut self, path: &Path, text: &str) -> Result<(), Fault> {
        if self.is(path, text)? {
            return Ok(());
        }
        files::write_public(path, text.as_bytes())?;
        self.written.push(path.to_owned());
        Ok(())
    }

    fn is(&self, path: &Path, text: &str) -> Result<bool, Fault> {
        match fs::read(path) {
            Ok(held) => Ok(held == text.as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Fault::theirs("the file cannot be read").in_file(path).because(error)),
        }
    }

    fn remove(&mut self, path: &Path) -> Result<(), Fault> {
        if files::remove(path)? {
            self.written.push(path.to_owned());
        }
        Ok(())
    }
}

/// The old and the new certificates that belong into an issuer's bundle: its own, and the root's where it holds a root.
fn concerned(rotation: &Rotation, name: &str, held: &[Certificate]) -> (Vec<Certificate>, Vec<Certificate>) {
    let with_root = held.iter().any(Certificate::is_self_issued);
    let of_it = |change: &&Change| change.name == name || (change.is_root() && with_root);
    let changes: Vec<&Change> = rotation.changes.iter().filter(of_it).collect();
    let old = changes.iter().filter_map(|change| change.old_one()).collect();
    let new = changes.iter().filter_map(|change| change.new_one()).collect();
    (old, new)
}

fn read(bundle: &Path) -> Result<Vec<Certificate>, Fault> {
    let unread = |error: &dyn std::fmt::Display| {
        Fault::yours("the bundle cannot be read").in_file(bundle).because(error)
    };
    let bytes = fs::read(bundle).map_err(|error| unread(&error))?;
    certificates_from_pem(&bytes).map_err(|error| unread(&error))
}
