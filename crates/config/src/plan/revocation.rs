//! What counts as revoked on a TLS profile, and who is asked.

use std::path::PathBuf;

use fault::Place;
use identity::{IssuerMatch, RevocationPolicy, Serial};

/// What counts as revoked among client certificates, and who is asked about the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationPlan {
    /// Certificate revocation lists: absolute paths, in whose last part `*` stands for any characters.
    pub crl_files: Vec<PathBuf>,
    /// Serial numbers that are refused whatever the authorities say.
    pub revoked_serials: Vec<DeniedSerial>,
    /// How strictly is asked.
    pub policy: RevocationPolicy,
    /// Addresses of lists that are fetched at the start.
    pub prefetch: Vec<String>,
    /// Beginnings of addresses, and what stands there instead; the first that fits counts.
    pub url_rewrite: Vec<(String, String)>,
    /// The most that one fetched answer may hold, in bytes.
    pub max_bytes: u64,
}

/// A serial number that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedSerial {
    /// The number.
    pub serial: Serial,
    /// Whose it is; none for whichever authority.
    pub issuer: Option<IssuerMatch>,
    /// Where it was written.
    pub place: Option<Place>,
}

/// Nothing is revoked, nobody is asked.
impl Default for RevocationPlan {
    fn default() -> Self {
        Self {
            crl_files: Vec::new(),
            revoked_serials: Vec::new(),
            policy: RevocationPolicy::default(),
            prefetch: Vec::new(),
            url_rewrite: Vec::new(),
            max_bytes: 16 << 20,
        }
    }
}
