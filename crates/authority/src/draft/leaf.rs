//! The draft of a leaf.

use fault::Fault;
use identity::{San, Serial, Usage};
use ledger::IssuerName;
use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, SanType};
use time::{Duration, OffsetDateTime};

use super::validity::Validity;
use super::{Draft, blank, drafted, draw_serial};
use crate::authority::Authority;
use crate::lint;
use crate::names::Names;
use crate::profile::Profile;
use crate::request::Request;

impl Authority {
    /// Drafts a certificate: names as the profile allows, a life within the issuer's, a serial from the operating
    /// system's generator; then lints the exact bytes that would be signed.
    ///
    /// # Errors
    /// Where the profile does not allow the request, or this issuer's own certificate does not allow the profile.
    pub fn draft(&self, request: &Request, profile: &Profile, now: OffsetDateTime) -> Result<Draft, Fault> {
        self.check_usages(profile)?;
        let names = profile.names_for(request, self.environment())?;
        let lifetime = request.lifetime().unwrap_or(profile.lifetime());
        let validity = Validity::new(lifetime, Some(self.certificate()), now)?;
        let serial = draw_serial()?;
        let reach = self.reach_of_leaf(profile, &validity, &serial);
        let mut params = self.params(request, profile, &names, &validity, &serial)?;
        reach.write(&mut params);
        let issuer = Issuer::from_params(&self.issuing, self.stand_in.key());
        let signed = params
            .signed_by(request.key(), &issuer)
            .map_err(|error| Fault::ours("a draft could not be written").because(error))?;
        let expected = lint::Expected {
            request,
            profile,
            names: &names,
            serial: &serial,
            reach: &reach,
            from: validity.from,
            until: validity.until,
        };
        let linted = lint::leaf(self, signed.into(), &expected, now)?;
        let issuer =
            IssuerName { name: self.certificate().identity().subject().to_string(), key: self.key_id() };
        drafted(&linted, issuer, profile.name(), warnings(request, profile, lifetime, &validity), now)
    }

    fn check_usages(&self, profile: &Profile) -> Result<(), Fault> {
        match profile.usages().iter().find(|usage| !self.may_issue(usage)) {
            None => Ok(()),
            Some(usage) => Err(Fault::yours(format!(
                "the issuer \"{}\" may not issue by the profile \"{}\"",
                self.certificate().identity().subject(),
                profile.name()
            ))
            .because(format!("its own certificate does not allow {}", word(usage)))
            .remedy(format!(
                "use the issuer that is for it: --profile {} goes with an issuer of that kind",
                profile.name()
            ))),
        }
    }

    fn params(
        &self,
        request: &Request,
        profile: &Profile,
        names: &Names,
        validity: &Validity,
        serial: &Serial,
    ) -> Result<CertificateParams, Fault> {
        let mut params = blank(serial, &request.spki_sha256());
        params.not_before = validity.from;
        params.not_after = validity.until;
        let subject = [
            (DnType::CommonName, &names.common_name),
            (DnType::OrganizationName, &names.organization),
            (DnType::OrganizationalUnitName, &names.organizational_unit),
        ];
        for (kind, text) in subject {
            if let Some(text) = text {
                params.distinguished_name.push(kind, text.as_str());
            }
        }
        params.subject_alt_names = names.sans.iter().map(san_type).collect::<Result<_, _>>()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = profile.usages().iter().filter_map(purpose).collect();
        params.use_authority_key_identifier_extension = self.issuing.use_authority_key_identifier_extension;
        Ok(params)
    }
}

fn warnings(request: &Request, profile: &Profile, lifetime: Duration, validity: &Validity) -> Vec<Fault> {
    let passed_over = request
        .passed_over()
        .iter()
        .map(|what| Fault::yours("a part of the certificate request was not listened to").because(what));
    let long = profile.usages().contains(&Usage::ServerAuth) && lifetime > BROWSERS_LIMIT;
    let long = long.then(|| {
        Fault::yours(format!("a server's certificate for {} days is longer than browsers accept", lifetime.whole_days()))
            .because("Apple's systems and Chrome refuse server certificates of more than 398 days from most authorities")
            .remedy("ask for 398 days or less: --days 398")
    });
    validity.warning().into_iter().chain(long).chain(passed_over).collect()
}

pub(crate) fn san_type(san: &San) -> Result<SanType, Fault> {
    let text = |text: &str| {
        Ia5String::try_from(text)
            .map_err(|_| Fault::yours(format!("the alternative name \"{text}\" is not plain ASCII")))
    };
    match san {
        San::Dns(name) => text(name).map(SanType::DnsName),
        San::Uri(uri) => text(uri).map(SanType::URI),
        San::Email(address) => text(address).map(SanType::Rfc822Name),
        San::Ip(address) => Ok(SanType::IpAddress(*address)),
        San::Other(kind) => {
            Err(Fault::ours(format!("an alternative name of the kind \"{kind}\" reached a draft")))
        }
    }
}

pub(super) fn purpose(usage: &Usage) -> Option<ExtendedKeyUsagePurpose> {
    match usage {
        Usage::ServerAuth => Some(ExtendedKeyUsagePurpose::ServerAuth),
        Usage::ClientAuth => Some(ExtendedKeyUsagePurpose::ClientAuth),
        Usage::Any | Usage::Other(_) => None,
    }
}

fn word(usage: &Usage) -> &str {
    match usage {
        Usage::ServerAuth => "serverAuth",
        Usage::ClientAuth => "clientAuth",
        Usage::Any => "any usage",
        Usage::Other(id) => id,
    }
}

const BROWSERS_LIMIT: Duration = Duration::days(398);
