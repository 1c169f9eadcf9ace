//! The variables of Harper's `http.mtls` block (E3).

use super::{Outside, outside};

pub(crate) const REQUIRED: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_REQUIRED",
    None,
    "`http.mtls.required`: whether there is no handshake without a client certificate.",
);
pub(crate) const VERIFICATION: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION",
    None,
    "`http.mtls.certificateVerification`, `true` or `false`. One of those below that is set switches it on.",
);
pub(crate) const FAILURE_MODE: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_FAILUREMODE",
    None,
    "`fail-closed` or `fail-open`. Default `fail-closed`.",
);
pub(crate) const CRL: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_CRL",
    None,
    "Whether lists are fetched. Default `true`.",
);
pub(crate) const CRL_TIMEOUT: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_CRL_TIMEOUT",
    None,
    "How long one fetch may take. Default `10s`.",
);
pub(crate) const CRL_CACHE_TTL: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_CRL_CACHETTL",
    None,
    "How long a list counts. Default `24h`.",
);
pub(crate) const CRL_GRACE: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_CRL_GRACEPERIOD",
    None,
    "How long after its `nextUpdate` a list still counts. Default `24h`.",
);
pub(crate) const CRL_FAILURE_MODE: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_CRL_FAILUREMODE",
    None,
    "What happens where no list can be had. Default: as `…_FAILUREMODE`.",
);
pub(crate) const OCSP: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_OCSP",
    None,
    "Whether responders are asked. Default `true`.",
);
pub(crate) const OCSP_TIMEOUT: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_OCSP_TIMEOUT",
    None,
    "How long one request may take. Default `5s`.",
);
pub(crate) const OCSP_CACHE_TTL: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_OCSP_CACHETTL",
    None,
    "How long a good answer counts. Default `1h`.",
);
pub(crate) const OCSP_ERROR_CACHE_TTL: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_OCSP_ERRORCACHETTL",
    None,
    "How long a failure is remembered. Default `5m`.",
);
pub(crate) const OCSP_FAILURE_MODE: Outside = outside(
    "COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_OCSP_FAILUREMODE",
    None,
    "What happens where the responder does not answer. Default: as `…_FAILUREMODE`.",
);

/// Those that say something about the verification itself.
pub(crate) const OF_VERIFICATION: &[&Outside] = &[
    &FAILURE_MODE,
    &CRL,
    &CRL_TIMEOUT,
    &CRL_CACHE_TTL,
    &CRL_GRACE,
    &CRL_FAILURE_MODE,
    &OCSP,
    &OCSP_TIMEOUT,
    &OCSP_CACHE_TTL,
    &OCSP_ERROR_CACHE_TTL,
    &OCSP_FAILURE_MODE,
];
/// Those that say something about lists.
pub(crate) const OF_CRL: &[&Outside] = &[&CRL_TIMEOUT, &CRL_CACHE_TTL, &CRL_GRACE, &CRL_FAILURE_MODE];
/// Those that say something about OCSP.
pub(crate) const OF_OCSP: &[&Outside] =
    &[&OCSP_TIMEOUT, &OCSP_CACHE_TTL, &OCSP_ERROR_CACHE_TTL, &OCSP_FAILURE_MODE];

pub(super) const ALL: &[Outside] = &[
    REQUIRED,
    VERIFICATION,
    FAILURE_MODE,
    CRL,
    CRL_TIMEOUT,
    CRL_CACHE_TTL,
    CRL_GRACE,
    CRL_FAILURE_MODE,
    OCSP,
    OCSP_TIMEOUT,
    OCSP_CACHE_TTL,
    OCSP_ERROR_CACHE_TTL,
    OCSP_FAILURE_MODE,
];
