use std::fmt;
use std::sync::Arc;

use rustls_pki_types::TrustAnchor;

use crate::{Certificate, Revocations};

/// Whom we believe at one moment: the authorities, how strict we are, and what is taken back.
///
/// Authorities are taken as given: a root, or an intermediate that stands alone. Each is still judged when it is used:
/// one that has expired vouches for nobody.
#[derive(Clone)]
pub struct Trust {
    held: Arc<Held>,
    revocations: Arc<Revocations>,
}

/// What stays the same while revocations come and go.
struct Held {
    anchors: Vec<Anchor>,
    /// webpki's view of those anchors that webpki can read; `Anchor::root` counts in it.
    roots: Vec<TrustAnchor<'static>>,
    strictness: Strictness,
}

/// One authority.
pub(crate) struct Anchor {
    pub(crate) certificate: Certificate,
    /// Where it stands among [`Trust::roots`], or why it cannot vouch for anybody.
    pub(crate) root: Result<usize, String>,
}

/// Rules that an operator may loosen or add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strictness {
    /// Whether a leaf of X.509 version 1 is accepted; an authority of version 1 never is, below the root.
    pub allow_x509_v1: bool,
    /// The organization (`O`) that certificates of internal services must carry; `None` compares nothing.
    pub environment: Option<String>,
}

impl Default for Strictness {
    fn default() -> Self {
        Self { allow_x509_v1: true, environment: None }
    }
}

impl Trust {
    /// Trust in `anchors`, with nothing revoked. An anchor that cannot be used is kept, so that a refusal can say why it
    /// did not help.
    #[must_use]
    pub fn new(anchors: Vec<Certificate>, strictness: Strictness) -> Self {
        let mut roots = Vec::new();
        let anchors = anchors.into_iter().map(|certificate| Anchor::new(certificate, &mut roots)).collect();
        Self { held: Arc::new(Held { anchors, roots, strictness }), revocations: Arc::default() }
    }

    /// Trust in the same authorities, with these revocations instead of those before. The authorities' own lists are
    /// recognized now, and not when the first peer waits for it.
    #[must_use]
    pub fn with_revocations(&self, revocations: Arc<Revocations>) -> Self {
        for anchor in self.anchors() {
            revocations.recognize_lists(anchor);
        }
        Self { held: Arc::clone(&self.held), revocations }
    }

    /// What is known to be revoked, and how strictly that is asked.
    #[must_use]
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }

    /// The authorities, in the order given.
    pub fn anchors(&self) -> impl ExactSizeIterator<Item = &Certificate> {
        self.held.anchors.iter().map(|anchor| &anchor.certificate)
    }

    /// How strict we are.
    #[must_use]
    pub fn strictness(&self) -> &Strictness {
        &self.held.strictness
    }

    /// The authorities' names as DER, for telling a peer which certificates we would take.
    pub fn subjects_der(&self) -> impl Iterator<Item = &[u8]> {
        self.held.anchors.iter().map(|anchor| anchor.certificate.identity().subject().der())
    }

    pub(crate) fn held(&self) -> &[Anchor] {
        &self.held.anchors
    }

    pub(crate) fn roots(&self) -> &[TrustAnchor<'static>] {
        &self.held.roots
    }
}

impl Anchor {
    fn new(certificate: Certificate, roots: &mut Vec<TrustAnchor<'static>>) -> Self {
        let root = match webpki::anchor_from_trusted_cert(certificate.der()) {
            Ok(root) => {
                roots.push(root.to_owned());
                Ok(roots.len() - 1)
            }
            Err(error) => Err(format!("{error:?}")),
        };
        Self { certificate, root }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("anchors", &self.held.anchors.len())
            .field("strictness", &self.held.strictness)
            .field("revocations", &self.revocations)
            .finish()
    }
}
