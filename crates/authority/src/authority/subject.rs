//! The issuer's name and key identifier, in the form that goes into what it issues.

use fault::Fault;
use identity::Certificate;
use rcgen::string::{Ia5String, PrintableString};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyIdMethod};
use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Everything of the issuer that shows in what it issues.
pub(crate) fn issuing(issuer: &Certificate) -> Result<CertificateParams, Fault> {
    let (_, parsed) =
        X509Certificate::from_der(issuer.der()).map_err(|error| unreadable(issuer).because(error))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name(parsed.subject()).ok_or_else(|| unreadable(issuer))?;
    let identifier = parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    });
    // An issuer without a key identifier is not pointed at by one.
    params.use_authority_key_identifier_extension = identifier.is_some();
    params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.unwrap_or_default());
    Ok(params)
}

/// The same name, attribute by attribute. What cannot be copied exactly is refused here; the lint compares the bytes
/// once more for every certificate.
fn name(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let mut copy = DistinguishedName::new();
    for set in name.iter() {
        let mut attributes = set.iter();
        let (Some(attribute), None) = (attributes.next(), attributes.next()) else {
            return None;
        };
        let kind = DnType::from_oid(&attribute.attr_type().iter()?.collect::<Vec<u64>>());
        if copy.get(&kind).is_some() {
            return None;
        }
        copy.push(kind, value(attribute)?);
    }
    Some(copy)
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> Option<DnValue> {
    let any = attribute.attr_value();
    let text = std::str::from_utf8(any.data).ok()?;
    match any.tag() {
        Tag::Utf8String => Some(DnValue::Utf8String(text.to_owned())),
        Tag::PrintableString => PrintableString::try_from(text).ok().map(DnValue::PrintableString),
        Tag::Ia5String => Ia5String::try_from(text).ok().map(DnValue::Ia5String),
        _ => None,
    }
}

fn unreadable(issuer: &Certificate) -> Fault {
    Fault::yours(format!(
        "the name of the issuer \"{}\" cannot be copied into certificates",
        issuer.identity().subject()
    ))
    .remedy("use an issuer whose subject has each kind of attribute once, as UTF8String or PrintableString")
}
