//! The drafts of what takes the place of a root or an issuer: another authority's certificate, with what has to differ.

use fault::Fault;
use identity::{Certificate, Pin, PrivateKey, Usage};
use ledger::IssuerName;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyIdMethod, KeyUsagePurpose, SubjectPublicKeyInfo,
};
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_X509_EXT_NAME_CONSTRAINTS;
use x509_parser::prelude::FromDer;

use super::leaf::purpose;
use super::tier::unwritten;
use super::validity::Validity;
use super::{Draft, blank, drafted, draw_serial};
use crate::authority::{Authority, check, subject};
use crate::lint;
use crate::names::Names;
use crate::stand_in::throw_away;
use crate::tier::IssuerKind;

/// Who is certified: a name, a public key and the limits that stand in the certificate.
struct Subject {
    name: DistinguishedName,
    spki: Vec<u8>,
    /// What the leaves point at; none for a key that was never certified before.
    identifier: Option<Vec<u8>>,
    path_len: Option<u32>,
    usages: Option<Vec<Usage>>,
    /// The name constraints, byte for byte.
    constraints: Option<Vec<u8>>,
}

impl Draft {
    /// Drafts the root after `old`, which will be signed with its own key.
    pub(crate) fn next_root(
        old: &Certificate,
        key: &PrivateKey,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        check_root(old)?;
        let subject = Subject::after(old, key)?;
        let validity = Validity::new(lifetime, None, now)?;
        let params = subject.params(&validity)?;
        let (stand_in, _) = throw_away(key.kind())?;
        let issuer = Issuer::from_params(&params, &stand_in);
        let linted = subject.linted(&params, &issuer)?;
        let issuer =
            IssuerName { name: linted.identity().subject().to_string(), key: Pin::of_spki(&subject.spki) };
        drafted(&linted, issuer, "root", Vec::new(), now)
    }
}

impl Authority {
    /// Drafts the issuer after `issuer`.
    pub(crate) fn draft_successor(
        &self,
        issuer: &Certificate,
        key: &PrivateKey,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Draft, Fault> {
        check_issuer(issuer)?;
        self.draft_below(&Subject::after(issuer, key)?, &profile(issuer), lifetime, now)
    }

    /// Drafts an issuer of another root below this one.
    pub(crate) fn draft_adopted(&self, issuer: &Certificate, now: OffsetDateTime) -> Result<Draft, Fault> {
        check_issuer(issuer)?;
        let left = left(issuer, now)?;
        self.draft_below(&Subject::same(issuer)?, &profile(issuer), left, now)
    }

    /// Drafts another root below this one.
    pub(crate) fn draft_cross(&self, root: &Certificate, now: OffsetDateTime) -> Result<Draft, Fault> {
        check_root(root)?;
        let name = root.identity().subject();
        if root.identity().spki_sha256() == self.key_id() {
            return Err(Fault::yours(format!("\"{name}\" cannot vouch for itself"))
                .because("both are one key")
                .remedy("name the new root, and the key of the old one"));
        }
        self.check_room_for_another()?;
        self.draft_below(&Subject::same(root)?, "cross-root", left(root, now)?, now)
    }

    pub(crate) fn check_room_for_another(&self) -> Result<(), Fault> {
        let own = self.certificate();
        if own.path_len().is_none_or(|path_len| path_len >= 2) {
            return Ok(());
        }
        Err(Fault::yours(format!(
            "\"{}\" has no room for another root and its issuers",
            own.identity().subject()
        ))
        .because("its path length allows fewer than two authorities below it")
        .remedy("distribute the new root to everybody who verifies, and begin a realm below it"))
    }

    fn draft_below(
        &self,
        subject: &Subject,
        profile: &str,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<Draft, Fault> {
        self.check_room_below(subject.usages.as_deref().unwrap_or_default())?;
        let validity = Validity::new(lifetime, Some(self.certificate()), now)?;
        let mut params = subject.params(&validity)?;
        params.use_authority_key_identifier_extension = self.issuing.use_authority_key_identifier_extension;
        let linted = subject.linted(&params, &Issuer::from_params(&self.issuing, self.stand_in.key()))?;
        let own = self.certificate().identity().subject();
        if linted.identity().issuer() != own {
            return Err(Fault::ours("the draft of an authority does not name its root exactly"));
        }
        let issuer = IssuerName { name: own.to_string(), key: self.key_id() };
        drafted(&linted, issuer, profile, validity.warning().into_iter().collect(), now)
    }
}

impl Subject {
    /// What has the certificate already.
    fn same(of: &Certificate) -> Result<Self, Fault> {
        let params = subject::issuing(of)?;
        let identifier = match params.key_identifier_method {
            KeyIdMethod::PreSpecified(identifier) if !identifier.is_empty() => Some(identifier),
            _ => None,
        };
        Ok(Self {
            name: params.distinguished_name,
            spki: of.spki_der().to_vec(),
            identifier,
            path_len: of.path_len(),
            usages: of.usages().map(<[Usage]>::to_vec),
            constraints: constraints(of)?,
        })
    }

    /// What comes after it: the next name, another key, the same limits.
    fn after(old: &Certificate, key: &PrivateKey) -> Result<Self, Fault> {
        let spki = key.public_spki();
        if Pin::of_spki(&spki) == old.identity().spki_sha256() {
            return Err(Fault::yours(format!("\"{}\" has this key already", old.identity().subject()))
                .because("what takes its place needs a key of its own")
                .remedy("make a new key"));
        }
        let mut subject = Self::same(old)?;
        let name = next_name(old.identity().common_name().one().unwrap_or("authority"));
        Names::common(&name).check()?;
        subject.name.push(DnType::CommonName, name);
        Ok(Self { spki, identifier: None, ..subject })
    }

    fn params(&self, validity: &Validity) -> Result<CertificateParams, Fault> {
        let mut params = blank(&draw_serial()?, &Pin::of_spki(&self.spki));
        if let Some(identifier) = &self.identifier {
            params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.clone());
        }
        params.distinguished_name = self.name.clone();
        params.not_before = validity.from;
        params.not_after = validity.until;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.is_ca = IsCa::Ca(match self.path_len.map(u8::try_from) {
            None => BasicConstraints::Unconstrained,
            Some(length) => BasicConstraints::Constrained(length.unwrap_or(u8::MAX)),
        });
        params.extended_key_usages = self.usages.iter().flatten().filter_map(purpose).collect();
        params.custom_extensions = self.constraints.iter().map(|der| name_constraints(der)).collect();
        Ok(params)
    }

    /// Signs with the stand-in and reads it back: name, key and limits are what was meant.
    fn linted<K: rcgen::SigningKey>(
        &self,
        params: &CertificateParams,
        issuer: &Issuer<'_, K>,
    ) -> Result<Certificate, Fault> {
        let public = SubjectPublicKeyInfo::from_der(&self.spki).map_err(unwritten)?;
        let signed = params.signed_by(&public, issuer).map_err(unwritten)?;
        let linted = lint::tier(signed.into(), self.path_len, self.usages.as_deref())?;
        let same = linted.spki_der() == self.spki && constraints(&linted)? == self.constraints;
        let named = subject::issuing(&linted)?.distinguished_name == self.name;
        match same && named {
            true => Ok(linted),
            false => Err(Fault::ours("the draft of an authority does not say what it should")),
        }
    }
}

/// `countersign Root CA (test)` becomes `countersign Root CA 2 (test)`, and that `… 3 (test)`: verifiers that look an
/// issuer up by its name alone find one.
fn next_name(name: &str) -> String {
    let (stem, end) = name.rfind(" (").map_or((name, ""), |at| name.split_at(at));
    let counted = stem.rsplit_once(' ').and_then(|(stem, n)| Some((stem, n.parse::<u32>().ok()?)));
    match counted {
        Some((stem, n)) => format!("{stem} {}{end}", n.saturating_add(1)),
        None => format!("{stem} 2{end}"),
    }
}

fn profile(issuer: &Certificate) -> String {
    IssuerKind::of(issuer).map_or_else(|| "issuer".to_owned(), |kind| format!("{kind}-issuer"))
}

/// The content of the name constraints, where there are any.
fn constraints(of: &Certificate) -> Result<Option<Vec<u8>>, Fault> {
    let (_, parsed) = X509Certificate::from_der(of.der())
        .map_err(|error| Fault::yours("an authority's certificate cannot be read").because(error))?;
    let found = parsed.get_extension_unique(&OID_X509_EXT_NAME_CONSTRAINTS);
    Ok(found.ok().flatten().map(|extension| extension.value.to_vec()))
}

fn name_constraints(content: &[u8]) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(NAME_CONSTRAINTS, content.to_vec());
    extension.set_criticality(true);
    extension
}

pub(crate) fn left(of: &Certificate, now: OffsetDateTime) -> Result<Duration, Fault> {
    let (name, until) = (of.identity().subject(), of.identity().not_after());
    if until <= now {
        return Err(Fault::yours(format!("\"{name}\" expired on {until}"))
            .because(format!("it is {now}"))
            .remedy(
                "see whether this machine's clock is right; what has ended is replaced, not certified anew",
            ));
    }
    Ok(until - now)
}

pub(crate) fn check_issuer(issuer: &Certificate) -> Result<(), Fault> {
    let name = issuer.identity().subject();
    if !issuer.is_ca() {
        return Err(Fault::yours(format!("the certificate \"{name}\" is not an authority's"))
            .because("its basic constraints do not say CA:TRUE")
            .remedy("name the issuer's certificate"));
    }
    if issuer.is_self_issued() {
        return Err(Fault::yours(format!("\"{name}\" is a root, and an issuer should be here"))
            .because("its subject and its issuer are one")
            .remedy("a root is replaced by countersign ca rotate root"));
    }
    Ok(())
}

pub(crate) fn check_root(root: &Certificate) -> Result<(), Fault> {
    let name = root.identity().subject();
    if root.is_ca() && root.is_self_issued() && check::below(root, root).is_ok() {
        return Ok(());
    }
    Err(Fault::yours(format!("\"{name}\" is no root"))
        .because(format!(
            "a root signs its own certificate, and this one names \"{}\"",
            root.identity().issuer()
        ))
        .remedy("name the root's certificate; an issuer is replaced by countersign ca rotate issuer"))
}

/// RFC 5280 §4.2.1.10.
const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];

#[cfg(test)]
mod tests {
    use super::next_name;

    #[test]
    fn each_successor_has_a_name_of_its_own() {
        assert_eq!(next_name("countersign Root CA (test)"), "countersign Root CA 2 (test)");
        assert_eq!(next_name("countersign Root CA 2 (test)"), "countersign Root CA 3 (test)");
        assert_eq!(next_name("Example Root"), "Example Root 2");
        assert_eq!(next_name("Example Root 9"), "Example Root 10");
        assert_eq!(next_name("2026"), "2026 2");
    }
}
