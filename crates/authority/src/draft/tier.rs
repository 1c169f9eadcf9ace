//! The drafts of a root and of an issuer.

use fault::Fault;
use identity::{Pin, PrivateKey, Usage};
use ledger::IssuerName;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyUsagePurpose,
    NameConstraints, SubjectPublicKeyInfo,
};
use time::OffsetDateTime;

use super::leaf::purpose;
use super::validity::Validity;
use super::{Draft, blank, drafted, draw_serial};
use crate::authority::Authority;
use crate::lint;
use crate::names::{Names, parse_san};
use crate::stand_in::throw_away;
use crate::tier::{IssuerKind, Tier};

impl Draft {
    /// Drafts a root, which will be signed with its own key.
    pub(crate) fn root(tier: &Tier, key: &PrivateKey, now: OffsetDateTime) -> Result<Self, Fault> {
        let validity = Validity::new(tier.lifetime, None, now)?;
        let mut params = authority_params(key, &validity)?;
        let name = format!("countersign Root CA ({})", tier.environment);
        Names::common(&name).check()?;
        params.distinguished_name.push(DnType::CommonName, name.as_str());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let (stand_in, _) = throw_away(key.kind())?;
        let issuer = Issuer::from_params(&params, &stand_in);
        let signed = params.signed_by(&public(key)?, &issuer).map_err(unwritten)?;
        let linted = lint::tier(signed.into(), None, None)?;
        let issuer = IssuerName {
            name: linted.identity().subject().to_string(),
            key: Pin::of_spki(&key.public_spki()),
        };
        drafted(&linted, issuer, "root", Vec::new(), now)
    }
}

impl Authority {
    /// Drafts an issuer below this authority.
    pub(crate) fn draft_issuer(
        &self,
        kind: IssuerKind,
        tier: &Tier,
        key: &PrivateKey,
        now: OffsetDateTime,
    ) -> Result<Draft, Fault> {
        self.check_room_below(&kind.usages())?;
        let validity = Validity::new(tier.lifetime, Some(self.certificate()), now)?;
        let mut params = authority_params(key, &validity)?;
        let name = kind.common_name(&tier.environment);
        Names::common(&name).check()?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.extended_key_usages = kind.usages().iter().filter_map(purpose).collect();
        params.name_constraints = constraints(&tier.permitted)?;
        params.use_authority_key_identifier_extension = self.issuing.use_authority_key_identifier_extension;
        self.reach_of_issuer().write(&mut params);
        let issuer = Issuer::from_params(&self.issuing, self.stand_in.key());
        let signed = params.signed_by(&public(key)?, &issuer).map_err(unwritten)?;
        let linted = lint::tier(signed.into(), Some(0), Some(&kind.usages()))?;
        if !self.reach_of_issuer().is_said_by(&linted) {
            return Err(Fault::ours("the draft of an issuer does not say where its root can be asked"));
        }
        let own = self.certificate().identity().subject();
        if linted.identity().issuer() != own {
            return Err(Fault::ours("the draft of an issuer does not name its root exactly"));
        }
        let issuer = IssuerName { name: own.to_string(), key: self.key_id() };
        let profile = format!("{kind}-issuer");
        drafted(&linted, issuer, &profile, validity.warning().into_iter().collect(), now)
    }

    pub(super) fn check_room_below(&self, usages: &[Usage]) -> Result<(), Fault> {
        let name = self.certificate().identity().subject();
        if self.certificate().path_len() == Some(0) {
            return Err(Fault::yours(format!("\"{name}\" may have no issuer below it"))
                .because("its path length is 0: it issues leaves only")
                .remedy("make issuers with the root's key"));
        }
        if usages.iter().any(|usage| !self.may_issue(usage)) {
            return Err(Fault::yours(format!("\"{name}\" may have no issuer of this kind below it"))
                .because("its own extended key usages do not allow it")
                .remedy("make issuers with the root's key"));
        }
        Ok(())
    }
}

fn authority_params(key: &PrivateKey, validity: &Validity) -> Result<CertificateParams, Fault> {
    let mut params = blank(&draw_serial()?, &Pin::of_spki(&key.public_spki()));
    params.not_before = validity.from;
    params.not_after = validity.until;
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Permits these host names and those below them. Names of the kinds that are not spoken of stay free, so addresses
/// are excluded by name.
fn constraints(permitted: &[String]) -> Result<Option<NameConstraints>, Fault> {
    if permitted.is_empty() {
        return Ok(None);
    }
    for name in permitted {
        parse_san(&format!("DNS:{name}"))?;
    }
    let everywhere = [CidrSubnet::V4([0; 4], [0; 4]), CidrSubnet::V6([0; 16], [0; 16])];
    Ok(Some(NameConstraints {
        permitted_subtrees: permitted.iter().cloned().map(GeneralSubtree::DnsName).collect(),
        excluded_subtrees: everywhere.map(GeneralSubtree::IpAddress).to_vec(),
    }))
}

fn public(key: &PrivateKey) -> Result<SubjectPublicKeyInfo, Fault> {
    SubjectPublicKeyInfo::from_der(&key.public_spki()).map_err(unwritten)
}

pub(super) fn unwritten(error: rcgen::Error) -> Fault {
    Fault::ours("a draft could not be written").because(error)
}
