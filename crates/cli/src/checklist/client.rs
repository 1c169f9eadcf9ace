use std::path::{Path, PathBuf};

use fault::Fault;
use identity::{Certificate, Purpose, Strictness, Trust};

use super::Look;
use super::finding::Verdict;
use crate::door::clients_in;

/// The client of the last point: its certificate, and the authority that it trusts servers by.
pub(crate) struct Client {
    cert: Option<PathBuf>,
    cacert: Option<PathBuf>,
}

impl Client {
    /// The client that was named, or the first one of the realm around the configuration.
    pub(crate) fn of(cert: Option<PathBuf>, cacert: Option<PathBuf>, base: &Path) -> Self {
        let folder = base.join("clients");
        let own = || clients_in(&folder).first().map(|name| folder.join(format!("{name}.crt")));
        let trusted = || Some(base.join("pki/server-ca.crt")).filter(|path| path.is_file());
        Self { cert: cert.or_else(own), cacert: cacert.or_else(trusted) }
    }

    pub(super) fn look(&self, look: &Look<'_>) -> Verdict {
        let (Some(cert), Some(cacert)) = (&self.cert, &self.cacert) else {
            return Verdict::skipped("pass --client-cert FILE and --cacert FILE");
        };
        self.judge(look, cert, cacert).unwrap_or_else(|fault| Verdict::unmet(fault.what()))
    }

    fn judge(&self, look: &Look<'_>, cert: &Path, cacert: &Path) -> Result<Verdict, Fault> {
        let (credential, _) = files::load_credential(cert, &cert.with_extension("key"), None, look.now)?;
        let anchors = files::load_certificates(cacert)?;
        let chain: Vec<_> = credential.chain().iter().map(|certificate| certificate.der().clone()).collect();
        for (name, plan, profile) in look.mutual() {
            let Some(trust) = profile.and_then(|profile| profile.trust.as_ref()) else { continue };
            if let Err(refusal) = identity::verify(&chain, trust, Purpose::Client, None, look.now) {
                return Ok(Verdict::unmet(format!("tls.{name} refuses the client: {}", refusal.code())));
            }
            let server = profile.and_then(|profile| profile.credential.as_ref());
            let trusted = match server {
                Some(server) => {
                    trusts(look, server.chain(), &anchors, plan.hosts.first().map(String::as_str))
                }
                None => knows_issuer(look, &anchors)?,
            };
            if !trusted {
                return Ok(Verdict::unmet(format!(
                    "{} does not vouch for the server of tls.{name}",
                    cacert.display()
                )));
            }
        }
        Ok(Verdict::Met)
    }
}

fn trusts(look: &Look<'_>, server: &[Certificate], anchors: &[Certificate], host: Option<&str>) -> bool {
    let trust = Trust::new(anchors.to_vec(), Strictness::default());
    let chain: Vec<_> = server.iter().map(|certificate| certificate.der().clone()).collect();
    identity::verify(&chain, &trust, Purpose::Server, host, look.now).is_ok()
}

/// A certificate that is issued at start comes from the server issuer, which the client knows or does not.
fn knows_issuer(look: &Look<'_>, anchors: &[Certificate]) -> Result<bool, Fault> {
    let authority = look.prepared.plan.authority.as_ref();
    let Some(issuer) = authority.and_then(|authority| authority.issuers.get("server")) else {
        return Ok(false);
    };
    let issuer = daemon::issuing::certificates(&issuer.cert)?;
    let vouched = |anchor: &Certificate| {
        issuer.iter().any(|own| own == anchor || own.identity().issuer() == anchor.identity().subject())
    };
    Ok(anchors.iter().any(vouched))
}
