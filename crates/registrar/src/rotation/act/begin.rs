//! The first step: the new certificates are made, recorded and laid beside the old ones.

use std::path::Path;

use authority::{Authority, Standing, succeed_root};
use fault::Fault;
use files::{next, old};
use identity::{Certificate, PrivateKey};
use time::Duration;
use zeroize::Zeroizing;

use super::Done;
use crate::rotation::record::{Change, Of, OnRecord, Phase, ROOT, Rotation, on_record, pem};
use crate::rotation::turn::Turn;

/// How a new key is made, and how it lies on disk.
pub struct NewKey<'a> {
    /// Makes one.
    pub make: &'a dyn Fn() -> Result<PrivateKey, Fault>,
    /// As it goes to disk: encrypted where there is a password.
    pub seal: &'a dyn Fn(&PrivateKey) -> Result<Zeroizing<String>, Fault>,
    /// Reads one that an earlier attempt has left.
    pub open: &'a dyn Fn(&Path) -> Result<PrivateKey, Fault>,
    /// How long what is certified for it is valid.
    pub lifetime: Duration,
}

/// What stands on record where a rotation is to begin.
enum Ground {
    /// The same rotation, which was cut off or is done already.
    Begun(OnRecord),
    /// Nothing, or one that is over.
    Free(Option<OnRecord>),
}

impl Turn<'_> {
    /// Makes the issuer that takes this one's place, and lays it where everybody who verifies finds it.
    ///
    /// # Errors
    /// Another rotation is under way, there is no such issuer in files, or the root cannot certify it. Then nothing has
    /// changed.
    pub async fn begin_issuer(&self, name: &str, root: &Authority, new: &NewKey<'_>) -> Result<Done, Fault> {
        let of = Of::Issuer(name.to_owned());
        let over = match self.ground(&of).await? {
            Ground::Begun(held) => return self.distribute(held, Vec::new()).await,
            Ground::Free(over) => over,
        };
        let (cert, key) = self.places.issuers.get(name).ok_or_else(|| self.no_issuer(name))?;
        vacant(&[next(cert), old(cert), old(key)])?;
        let chain = files::load_certificates(cert)?;
        let (own, above) = split(&chain, cert)?;
        let new_key = new.key(&next(key))?;
        let made = root.succeed(own, &new_key, new.lifetime, self.ledger, self.now).await?;
        self.still()?;
        new.keep(&new_key, &next(key))?;
        let after = pem(&[&[made.certificate], above].concat());
        let change = Change {
            name: name.to_owned(),
            old: pem(&chain),
            new: after.clone(),
            settled: after,
            rekeyed: true,
        };
        self.record(over, of, vec![change], made.warnings).await
    }

    /// Makes the root that takes the old one's place, certifies every issuer below it, and has the old one vouch for it. The
    /// new root's key goes to `key`.
    ///
    /// # Errors
    /// As [`begin_issuer`](Self::begin_issuer); and where an issuer does not stand directly below the old root.
    pub async fn begin_root(&self, root: &Authority, key: &Path, new: &NewKey<'_>) -> Result<Done, Fault> {
        let over = match self.ground(&Of::Root).await? {
            Ground::Begun(held) => return self.distribute(held, Vec::new()).await,
            Ground::Free(over) => over,
        };
        let mut issuers = Vec::new();
        for (name, (cert, key)) in &self.places.issuers {
            vacant(&[next(cert), next(key), old(cert), old(key)])?;
            issuers.push((name, cert, files::load_certificates(cert)?));
        }
        root.check_succession(&[], self.now)?;
        for (_, cert, chain) in &issuers {
            let own = std::slice::from_ref(split(chain, cert)?.0);
            root.check_succession(own, self.now).map_err(|fault| fault.in_file(cert))?;
        }
        let new_key = new.key(key)?;
        let (ledger, now) = (self.ledger, self.now);
        let made = succeed_root(root.certificate(), &new_key, new.lifetime, ledger, now).await?;
        let cross = root.cross(&made.certificate, ledger, now).await?.certificate;
        let new_root = Authority::new(vec![made.certificate.clone()], &new_key, Standing::ByHand, None, now)?;
        let mut changes = vec![of_root(root.certificate(), &made.certificate)];
        for (name, cert, chain) in &issuers {
            let adopted = new_root.adopt(split(chain, cert)?.0, ledger, now).await?.certificate;
            changes.push(Change {
                name: (*name).clone(),
                old: pem(chain),
                new: pem(&[adopted.clone(), cross.clone()]),
                settled: pem(&[adopted]),
                rekeyed: false,
            });
        }
        self.still()?;
        new.keep(&new_key, key)?;
        self.record(over, Of::Root, changes, made.warnings).await
    }

    /// Goes on with the rotation of this, where it is under way; that takes no key.
    ///
    /// # Errors
    /// Another rotation is under way, or a file cannot be written.
    pub async fn resume(&self, of: &Of) -> Result<Option<Done>, Fault> {
        match self.ground(of).await? {
            Ground::Begun(held) => self.distribute(held, Vec::new()).await.map(Some),
            Ground::Free(_) => Ok(None),
        }
    }

    async fn ground(&self, of: &Of) -> Result<Ground, Fault> {
        let Some(held) = on_record(self.ledger).await? else { return Ok(Ground::Free(None)) };
        let (open, phase) = (held.rotation.phase.is_open(), held.rotation.phase);
        if open && held.rotation.of == *of {
            return Ok(Ground::Begun(held));
        }
        match open {
            false => Ok(Ground::Free(Some(held))),
            true => Err(Fault::yours(format!("the rotation of {} is under way ({phase})", held.rotation.of))
                .because("there is one at a time, so that nobody has to hold more than old and new")
                .remedy("finish it or give it up first: countersign ca rotate status")),
        }
    }

    async fn record(
        &self,
        over: Option<OnRecord>,
        of: Of,
        changes: Vec<Change>,
        warnings: Vec<Fault>,
    ) -> Result<Done, Fault> {
        let rotation = Rotation { changes, ..Rotation::begin(of, self.now) };
        let held = OnRecord::begin(self.ledger, over.as_ref(), rotation).await?;
        self.ledger.audit(vec![self.event(format!("rotation of {}: begun", held.rotation.of))]).await?;
        self.distribute(held, warnings).await
    }

    /// Lays the files, and says on record that they lie there. What came further stays where it is.
    async fn distribute(&self, mut held: OnRecord, warnings: Vec<Fault>) -> Result<Done, Fault> {
        self.still()?;
        let files = self.places.lay(&held.rotation)?;
        if held.rotation.phase == Phase::Begun {
            self.reach(&mut held, &[Phase::Distributed], "").await?;
        }
        Ok(Done { rotation: held.rotation, files, warnings, overruled: Vec::new() })
    }

    fn no_issuer(&self, name: &str) -> Fault {
        let known: Vec<&str> = self.places.issuers.keys().map(String::as_str).collect();
        Fault::yours(format!("there is no issuer \"{name}\" in files"))
            .because("the configuration names none, or the environment gives it")
            .remedy(known.join(", "))
    }
}

impl NewKey<'_> {
    /// One that an earlier attempt has left, or a new one.
    fn key(&self, path: &Path) -> Result<PrivateKey, Fault> {
        if path.exists() { (self.open)(path) } else { (self.make)() }
    }

    fn keep(&self, key: &PrivateKey, path: &Path) -> Result<(), Fault> {
        if path.exists() {
            return Ok(());
        }
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::create_folder(folder)?;
        }
        files::create_secret(path, (self.seal)(key)?.as_bytes())
    }
}

fn of_root(old: &Certificate, new: &Certificate) -> Change {
    let after = pem(std::slice::from_ref(new));
    let old = pem(std::slice::from_ref(old));
    Change { name: ROOT.to_owned(), old, new: after.clone(), settled: after, rekeyed: true }
}

fn split<'a>(chain: &'a [Certificate], path: &Path) -> Result<(&'a Certificate, &'a [Certificate]), Fault> {
    chain.split_first().ok_or_else(|| Fault::yours("there is no certificate in the file").in_file(path))
}

/// What lies there would be taken for a part of this rotation.
fn vacant(paths: &[std::path::PathBuf]) -> Result<(), Fault> {
    match paths.iter().find(|path| path.exists()) {
        None => Ok(()),
        Some(path) => Err(Fault::yours("the file is in the way of a rotation")
            .in_file(path)
            .because("nothing on record says what it is for")
            .remedy(format!("look at it, and move it away: mv {0} {0}.away", path.display()))),
    }
}
