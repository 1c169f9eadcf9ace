//! The TLS settings towards an upstream, made once for each credential.

use std::collections::HashMap;
use std::sync::Arc;

use fault::Fault;
use identity::Credential;
use parking_lot::Mutex;
use time::OffsetDateTime;
use transport::{Dial, DialSpec, ServerTrust, TlsVersion};

use super::trouble::{self, Unreached, Why};
use super::{Identifies, SslMode, UpstreamSpec, Wanted};

/// What is presented to an upstream, and its settings.
pub(super) struct Dials {
    /// Without a principal's credential; with the shared one, where there is one.
    base: Dial,
    minted: Mutex<HashMap<Box<str>, Minted>>,
}

struct Minted {
    credential: Arc<Credential>,
    dial: Dial,
}

/// The settings for one connection.
pub(super) struct Presenting {
    pub(super) dial: Dial,
    /// The end of what is presented.
    pub(super) until: Option<OffsetDateTime>,
}

impl Dials {
    pub(super) fn new(spec: &UpstreamSpec) -> Result<Self, Fault> {
        let credential = match &spec.identity {
            Identifies::Shared(shared) => shared.credential.clone(),
            Identifies::PerPrincipal(_) => None,
        };
        let base = Dial::new(DialSpec {
            trust: trust(spec)?,
            pins: Vec::new(),
            credential,
            // What libpq offers from version 17 on; older servers do not look.
            alpn: vec![b"postgresql".to_vec()],
            min_version: TlsVersion::Tls12,
            timeout: spec.connect_timeout,
            clock: Arc::clone(&spec.clock),
        })?;
        Ok(Self { base, minted: Mutex::default() })
    }

    /// The settings by which the server sees who comes.
    pub(super) async fn presenting(
        &self,
        spec: &UpstreamSpec,
        wanted: &Wanted<'_>,
    ) -> Result<Presenting, Unreached> {
        match &spec.identity {
            Identifies::Shared(shared) => {
                let until = shared.credential.as_ref().map(|credential| end_of(credential));
                Ok(Presenting { dial: self.base.clone(), until })
            }
            Identifies::PerPrincipal(minting) => {
                let Some(principal) = wanted.principal else {
                    let what = "whoever comes has no name to be known by there";
                    return Err(trouble::will_not(spec, what, "grant it to a principal, not to everybody"));
                };
                let minted = tokio::time::timeout(spec.connect_timeout, minting.mint(principal)).await;
                let unminted = |fault: Fault| {
                    let service = format!("a certificate of {principal:?} for service {:?}", &*spec.service);
                    Unreached::new(Why::Unreachable, fault.because(service))
                };
                let late = || Fault::ours("our authority did not issue a certificate in time");
                let credential = minted.unwrap_or_else(|_| Err(late())).map_err(unminted)?;
                let until = Some(end_of(&credential));
                let dial = self.of(principal, credential, spec.clock.now()).map_err(unminted)?;
                Ok(Presenting { dial, until })
            }
        }
    }

    fn of(&self, principal: &str, credential: Arc<Credential>, now: OffsetDateTime) -> Result<Dial, Fault> {
        if let Some(held) = self.minted.lock().get(principal)
            && Arc::ptr_eq(&held.credential, &credential)
        {
            return Ok(held.dial.clone());
        }
        let dial = self.base.presenting(&credential)?;
        let mut minted = self.minted.lock();
        if minted.len() >= MOST_MINTED {
            minted.retain(|_, held| end_of(&held.credential) > now);
        }
        if minted.len() < MOST_MINTED {
            minted.insert(principal.into(), Minted { credential, dial: dial.clone() });
        }
        Ok(dial)
    }
}

fn end_of(credential: &Credential) -> OffsetDateTime {
    credential.leaf().identity().not_after()
}

/// Where there are roots, libpq judges the chain by them whatever the mode, and the name only for `verify-full`.
fn trust(spec: &UpstreamSpec) -> Result<ServerTrust, Fault> {
    match (spec.sslmode, &spec.trust) {
        (SslMode::VerifyFull, Some(trust)) => Ok(ServerTrust::Full(Arc::clone(trust))),
        (SslMode::VerifyFull | SslMode::VerifyCa, None) => {
            Err(trouble::of(spec, "nothing says whom the server must be vouched for by")
                .remedy("write ssl_rootcert: FILE in the service"))
        }
        (_, Some(trust)) => Ok(ServerTrust::Chain(Arc::clone(trust))),
        (_, None) => Ok(ServerTrust::Nothing),
    }
}

/// Principals whose settings are kept: each is some kilobytes.
const MOST_MINTED: usize = 10_000;
