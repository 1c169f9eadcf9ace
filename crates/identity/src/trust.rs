use std::fmt;

use rustls_pki_types::TrustAnchor;

use crate::Certificate;

/// Whom we believe at one moment: the authorities, and how strict we are.
///
/// Authorities are taken as given: a root, or an intermediate that stands alone. Each is still judged when it is used:
/// one that has expired vouches for nobody.
pub struct Trust {
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
    /// Trust in `anchors`. One that cannot be used is kept, so that a refusal can say why it did not help.
    #[must_use]
    pub fn new(anchors: Vec<Certificate>, strictness: Strictness) -> Self {
        let mut roots = Vec::new();
        let anchors = anchors.into_iter().map(|certificate| Anchor::new(certificate, &mut roots)).collect();
        Self { anchors, roots, strictness }
    }

    /// The authorities, in the order given.
    pub fn anchors(&self) -> impl ExactSizeIterator<Item = &Certificate> {
        self.anchors.iter().map(|anchor| &anchor.certificate)
    }

    /// How strict we are.
    #[must_use]
    pub fn strictness(&self) -> &Strictness {
        &self.strictness
    }

    /// The authorities' names as DER, for telling a peer which certificates we would take.
    pub fn subjects_der(&self) -> impl Iterator<Item = &[u8]> {
        self.anchors.iter().map(|anchor| anchor.certificate.identity().subject().der())
    }

    pub(crate) fn held(&self) -> &[Anchor] {
        &self.anchors
    }

    pub(crate) fn roots(&self) -> &[TrustAnchor<'static>] {
        &self.roots
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
            .field("anchors", &self.anchors.len())
            .field("strictness", &self.strictness)
            .finish()
    }
}
