//! What an earlier look found and need not be found again.

use std::path::Path;
use std::sync::Arc;

use access::Directory;
use config::{ClientCa, KeyPassword, PemText, Plan, TlsMode, TlsPlan, UpstreamPlan};
use identity::{Credential, Trust};

use super::upstreams::UpstreamFiles;
use super::{Noticed, Prepared, TlsProfile, succession};
use crate::watch::Unchanged;

/// An earlier look, and which files have stayed the same since.
#[derive(Clone, Copy)]
pub(crate) struct Earlier<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) unchanged: &'a Unchanged<'a>,
}

impl Earlier<'_> {
    /// The directory, where the same principals are written at the same places.
    pub(super) fn directory(&self, plan: &Plan) -> Option<Arc<Directory>> {
        let old = &self.prepared.plan;
        let same = old.principals == plan.principals && old.env_only == plan.env_only;
        same.then(|| Arc::clone(&self.prepared.directory))
    }

    /// A TLS profile's own credential, where the same is written and each file that it names is the same.
    pub(super) fn credential(&self, name: &str, tls: &TlsPlan) -> Option<Noticed<Option<Arc<Credential>>>> {
        let (was, profile) = self.profile(name)?;
        self.same_mode(&was.mode, &tls.mode)
            .then(|| (profile.credential.clone(), profile.of_credential.clone()))
    }

    /// Whom a TLS profile trusts, where the same is written and each file that it names is the same.
    pub(super) fn trust(
        &self,
        name: &str,
        plan: &Plan,
        tls: &TlsPlan,
    ) -> Option<Noticed<Option<Arc<Trust>>>> {
        let (was, profile) = self.profile(name)?;
        let old = &self.prepared.plan;
        let same = self.same_authorities(old, was, plan, tls)
            && was.allow_x509_v1 == tls.allow_x509_v1
            && old.environment == plan.environment
            && self.same_root(old, plan)
            && was.revocation == tls.revocation
            && tls.revocation.crl_files.iter().all(|pattern| self.has(pattern));
        same.then(|| (profile.trust.clone(), profile.of_trust.clone()))
    }

    /// What a server behind the door is reached with, where the same is written and each file that it names is the same.
    pub(super) fn upstream(&self, written: &UpstreamPlan) -> Option<Arc<UpstreamFiles>> {
        let was = self.prepared.upstreams.get(&written.name)?;
        let same = was.plan == *written && written.files().all(|file| self.has(file));
        same.then(|| Arc::clone(was))
    }

    fn profile(&self, name: &str) -> Option<(&TlsPlan, &TlsProfile)> {
        Some((self.prepared.plan.tls.get(name)?, self.prepared.profiles.get(name)?))
    }

    fn same_mode(&self, was: &TlsMode, is: &TlsMode) -> bool {
        match (was, is) {
            (
                TlsMode::Files { cert, key, key_password },
                TlsMode::Files { cert: new_cert, key: new_key, key_password: new_password },
            ) => {
                cert == new_cert
                    && key == new_key
                    && self.has(cert)
                    && self.has(key)
                    && self.same_password(key_password.as_ref(), new_password.as_ref())
            }
            (TlsMode::Authority { .. }, TlsMode::Authority { .. })
            | (TlsMode::Service { .. }, TlsMode::Service { .. })
            | (TlsMode::SelfSigned { .. }, TlsMode::SelfSigned { .. }) => true,
            _ => false,
        }
    }

    /// A password that was given is in the environment, which stays what it was at the start.
    fn same_password(&self, was: Option<&KeyPassword>, is: Option<&KeyPassword>) -> bool {
        match (was, is) {
            (None, None) => true,
            (Some(KeyPassword::File(was)), Some(KeyPassword::File(is))) => was == is && self.has(is),
            _ => false,
        }
    }

    fn same_authorities(&self, old: &Plan, was: &TlsPlan, plan: &Plan, tls: &TlsPlan) -> bool {
        let issuer = |plan: &Plan| {
            let issuer = plan.authority.as_ref()?.issuers.get("client")?;
            match &issuer.cert {
                PemText::File(path) => Some(path.clone()),
                PemText::Given { .. } => None,
            }
        };
        was.client_ca == tls.client_ca
            && match &tls.client_ca {
                None => true,
                Some(ClientCa::Path(path)) => self.has(path),
                Some(ClientCa::Authority) => {
                    issuer(old) == issuer(plan)
                        && issuer(plan).is_some_and(|path| {
                            let beside = succession::places(&path);
                            self.has(&path) && beside.iter().all(|path| self.unchanged.has_or_lacks(path))
                        })
                }
            }
    }

    /// The root may have taken back the authorities that are trusted.
    fn same_root(&self, old: &Plan, plan: &Plan) -> bool {
        let root = |plan: &Plan| plan.authority.as_ref().and_then(|authority| authority.root_cert.clone());
        root(old) == root(plan) && root(plan).is_none_or(|path| self.has(&path))
    }

    fn has(&self, path: &Path) -> bool {
        self.unchanged.has(path)
    }
}
