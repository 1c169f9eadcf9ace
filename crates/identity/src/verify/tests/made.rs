//! Certificates made for a test.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, SigningKey as _,
};
use rustls_pki_types::CertificateDer;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::{Certificate, Purpose, Strictness, Trust, Verified, verify};
use fault::Refusal;

/// The moment of all tests.
pub(super) const NOW: OffsetDateTime = datetime!(2026-06-01 12:00:00 UTC);

/// A certificate with the key to issue others.
pub(super) struct Made {
    pub(super) der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// Parameters of a certificate that is valid from a month before to a month after [`NOW`].
pub(super) fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = NOW - Duration::days(30);
    params.not_after = NOW + Duration::days(30);
    params
}

/// Parameters of an authority.
pub(super) fn ca(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// Parameters of a client.
pub(super) fn client(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

impl Made {
    pub(super) fn root(params: CertificateParams) -> Self {
        Self::root_with(params, KeyPair::generate().unwrap())
    }

    /// A root with a certain key.
    pub(super) fn root_with(params: CertificateParams, key: KeyPair) -> Self {
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    pub(super) fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    /// A certificate of ours for the key of another.
    pub(super) fn issue_again(&self, other: &Self, params: CertificateParams) -> Self {
        let key = KeyPair::from_pem(&other.issuer.key().serialize_pem()).unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { der, issuer: Issuer::new(params, key) }
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// The same certificate rewritten in version 1 and signed again; it must have no extensions.
    pub(super) fn issue_version_1(&self, params: CertificateParams) -> Self {
        let three = self.issue(params);
        let version = [0xa0, 3, 2, 1, 2];
        let (_, x509) = x509_parser::parse_x509_certificate(&three.der).unwrap();
        assert!(x509.extensions().is_empty(), "version 1 has no extensions");
        let body = x509.tbs_certificate.as_ref();
        let at = body.windows(5).position(|window| window == version).unwrap();
        let body = tlv(0x30, &body[at + 5..]);
        let signature = self.issuer.key().sign(&body).unwrap();
        let algorithm = tlv(0x30, &tlv(0x06, x509.signature_algorithm.algorithm.as_bytes()));
        let bits = tlv(0x03, &[&[0], signature.as_slice()].concat());
        let der = CertificateDer::from(tlv(0x30, &[body, algorithm, bits].concat()));
        Self { der, issuer: three.issuer }
    }

    pub(super) fn certificate(&self) -> Certificate {
        Certificate::from_der(self.der.clone()).unwrap()
    }
}

/// A list rewritten without its extensions in version 1, and signed again; its entries must have none.
pub(super) fn without_key_id(authority: &Made, params: CertificateRevocationListParams) -> Vec<u8> {
    let whole = params.signed_by(&authority.issuer).unwrap();
    let (_, crl) = x509_parser::parse_x509_crl(whole.der()).unwrap();
    let body = crl.tbs_cert_list.as_ref();
    let (fields, _) = crate::der::content(0x30, body).unwrap();
    let (_, fields) = crate::der::content(0x02, fields).unwrap();
    let end = fields.windows(4).position(|window| window[0] == 0xa0 && window[2] == 0x30).unwrap();
    let body = tlv(0x30, &fields[..end]);
    let signature = authority.issuer.key().sign(&body).unwrap();
    let algorithm = tlv(0x30, &tlv(0x06, crl.signature_algorithm.algorithm.as_bytes()));
    let bits = tlv(0x03, &[&[0], signature.as_slice()].concat());
    tlv(0x30, &[body, algorithm, bits].concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut whole = match content.len() {
        short @ 0..=0x7f => vec![tag, u8::try_from(short).unwrap()],
        0x80..=0xff => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    whole.extend(content);
    whole
}

/// Trust in `anchors` with nothing loosened or added.
pub(super) fn trust(anchors: &[&Made]) -> Trust {
    strict(anchors, Strictness::default())
}

pub(super) fn strict(anchors: &[&Made], strictness: Strictness) -> Trust {
    Trust::new(anchors.iter().map(|made| made.certificate()).collect(), strictness)
}

/// Judges a client's chain at [`NOW`].
pub(super) fn judge(chain: &[&Made], trust: &Trust) -> Result<Verified, Refusal> {
    judge_for(chain, trust, Purpose::Client, None)
}

pub(super) fn judge_for(
    chain: &[&Made],
    trust: &Trust,
    purpose: Purpose,
    name: Option<&str>,
) -> Result<Verified, Refusal> {
    let chain: Vec<_> = chain.iter().map(|made| made.der.clone()).collect();
    verify(&chain, trust, purpose, name, NOW)
}
