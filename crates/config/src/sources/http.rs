//! The variables of Harper's `http.mtls` and `replication.mtls` blocks (E3).

use super::{Outside, outside};

pub(crate) const REQUIRED: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_REQUIRED",
    None,
    "`http.mtls.required`: whether there is no handshake without a client certificate.",
);

/// The variables that say how certificates are verified.
pub(crate) struct OfVerification {
    /// Whether they are.
    pub(crate) on: Outside,
    pub(crate) failure_mode: Outside,
    pub(crate) crl: Outside,
    pub(crate) crl_timeout: Outside,
    pub(crate) crl_cache_ttl: Outside,
    pub(crate) crl_grace: Outside,
    pub(crate) crl_failure_mode: Outside,
    pub(crate) ocsp: Outside,
    pub(crate) ocsp_timeout: Outside,
    pub(crate) ocsp_cache_ttl: Outside,
    pub(crate) ocsp_error_cache_ttl: Outside,
    pub(crate) ocsp_failure_mode: Outside,
}

macro_rules! of {
    ($block:literal, $what:literal, $about:literal) => {
        outside(concat!($block, "_MTLS_CERTIFICATEVERIFICATION", $what), None, $about)
    };
}

/// Those of one block, whose name they begin with.
macro_rules! of_verification {
    ($block:literal, $about:literal) => {
        OfVerification {
            on: outside(concat!($block, "_MTLS_CERTIFICATEVERIFICATION"), None, $about),
            failure_mode: of!($block, "_FAILUREMODE", "`fail-closed` or `fail-open`. Default `fail-closed`."),
            crl: of!($block, "_CRL", "Whether lists are fetched. Default `true`."),
            crl_timeout: of!($block, "_CRL_TIMEOUT", "How long one fetch may take. Default `10s`."),
            crl_cache_ttl: of!($block, "_CRL_CACHETTL", "How long a list counts. Default `24h`."),
            crl_grace: of!(
                $block,
                "_CRL_GRACEPERIOD",
                "How long after its `nextUpdate` a list still counts. Default `24h`."
            ),
            crl_failure_mode: of!(
                $block,
                "_CRL_FAILUREMODE",
                "What happens where no list can be had. Default: as `…_FAILUREMODE`."
            ),
            ocsp: of!($block, "_OCSP", "Whether responders are asked. Default `true`."),
            ocsp_timeout: of!($block, "_OCSP_TIMEOUT", "How long one request may take. Default `5s`."),
            ocsp_cache_ttl: of!($block, "_OCSP_CACHETTL", "How long a good answer counts. Default `1h`."),
            ocsp_error_cache_ttl: of!(
                $block,
                "_OCSP_ERRORCACHETTL",
                "How long a failure is remembered. Default `5m`."
            ),
            ocsp_failure_mode: of!(
                $block,
                "_OCSP_FAILUREMODE",
                "What happens where the responder does not answer. Default: as `…_FAILUREMODE`."
            ),
        }
    };
}

/// Of clients' certificates.
pub(crate) static HTTP: OfVerification = of_verification!(
    "COUNTERSIGN_HTTP",
    "`http.mtls.certificateVerification`, `true` or `false`. One of those below that is set switches it on."
);
/// Of the certificate of the ledger's server.
pub(crate) static REPLICATION: OfVerification = of_verification!(
    "COUNTERSIGN_REPLICATION",
    "`replication.mtls.certificateVerification`, `true` or `false`. One of those below that is set switches it on."
);

impl OfVerification {
    /// Those that say something about the verification itself.
    pub(crate) fn parts(&self) -> Vec<&Outside> {
        let own = [&self.failure_mode, &self.crl];
        own.into_iter().chain(self.parts_of_crl()).chain([&self.ocsp]).chain(self.parts_of_ocsp()).collect()
    }

    /// Those that say something about lists.
    pub(crate) fn parts_of_crl(&self) -> [&Outside; 4] {
        [&self.crl_timeout, &self.crl_cache_ttl, &self.crl_grace, &self.crl_failure_mode]
    }

    /// Those that say something about OCSP.
    pub(crate) fn parts_of_ocsp(&self) -> [&Outside; 4] {
        [&self.ocsp_timeout, &self.ocsp_cache_ttl, &self.ocsp_error_cache_ttl, &self.ocsp_failure_mode]
    }
}

/// All of them, in the order of the reference page.
pub(super) fn all() -> impl Iterator<Item = &'static Outside> {
    let of = |block: &'static OfVerification| std::iter::once(&block.on).chain(block.parts());
    std::iter::once(&REQUIRED).chain(of(&HTTP)).chain(of(&REPLICATION))
}
