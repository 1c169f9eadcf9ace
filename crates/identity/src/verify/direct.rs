//! A leaf that is, byte for byte, one of the certificates we trust: self-signed servers and pinned peers.

use super::path::Path;
use super::presented::Presented;
use crate::Trust;

/// The presented leaf, where it is itself what we trust. It vouches for nobody else, so it need be no authority.
pub(super) fn find(presented: &Presented<'_>, trust: &Trust) -> Option<Path> {
    let leaf = presented.leaf();
    trust.anchors().any(|anchor| anchor == leaf).then(|| Path::of_trusted_leaf(leaf.clone()))
}
