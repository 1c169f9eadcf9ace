//! The draft of the certificate by which somebody answers for an issuer (OCSP).

use fault::Fault;
use identity::{PrivateKey, der};
use ledger::IssuerName;
use rcgen::{
    CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
    SubjectPublicKeyInfo,
};
use time::{Duration, OffsetDateTime};

use super::validity::Validity;
use super::{Draft, blank, drafted, draw_serial};
use crate::authority::Authority;
use crate::lint;

impl Authority {
    /// Drafts the certificate of a responder with this key. Nobody asks about a responder itself, so it lives for a short
    /// while (RFC 6960 §4.2.2.2.1).
    pub(crate) fn draft_responder(
        &self,
        key: &PrivateKey,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Draft, Fault> {
        let unwritten = |error: rcgen::Error| Fault::ours("a draft could not be written").because(error);
        let validity = Validity::new(lifetime, Some(self.certificate()), now)?;
        let public = SubjectPublicKeyInfo::from_der(&key.public_spki()).map_err(unwritten)?;
        let mut params: CertificateParams =
            blank(&draw_serial()?, &identity::Pin::of_spki(&key.public_spki()));
        params.not_before = validity.from;
        params.not_after = validity.until;
        params.distinguished_name.push(DnType::CommonName, NAME);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        params.use_authority_key_identifier_extension = self.issuing.use_authority_key_identifier_extension;
        let null = vec![der::NULL, 0];
        params.custom_extensions.push(CustomExtension::from_oid_content(NO_CHECK, null));
        let issuer = Issuer::from_params(&self.issuing, self.stand_in.key());
        let signed = params.signed_by(&public, &issuer).map_err(unwritten)?;
        let linted = lint::responder(self, signed.into(), now)?;
        let issuer =
            IssuerName { name: self.certificate().identity().subject().to_string(), key: self.key_id() };
        drafted(&linted, issuer, PROFILE, Vec::new(), now)
    }
}

/// What it is called on record.
const PROFILE: &str = "ocsp";
const NAME: &str = "countersign OCSP responder";
/// id-pkix-ocsp-nocheck
const NO_CHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
