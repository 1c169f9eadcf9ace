use std::fmt;
use std::str::FromStr;

use crate::{DistinguishedName, Malformed};

/// Attributes that a distinguished name must have, written as RFC 4514 does or as OpenSSL prints them: `CN=Old CA,O=Acme`
/// or `O = Acme, CN = Old CA`.
///
/// Whoever writes a deny-list means to refuse, so the order does not count, nor does case, and a name may have more
/// attributes than are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Vec<(String, String)>);

impl NamePattern {
    /// Whether the name has every attribute.
    #[must_use]
    pub fn matches(&self, name: &DistinguishedName) -> bool {
        self.0.iter().all(|(kind, value)| {
            name.attributes().any(|(has_kind, has_value)| {
                has_kind.eq_ignore_ascii_case(kind) && folded(has_value) == folded(value)
            })
        })
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = self.0.iter().map(|(kind, value)| format!("{kind}={value}")).collect::<Vec<_>>();
        f.write_str(&written.join(","))
    }
}

impl FromStr for NamePattern {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let attributes = split(text)?.into_iter().map(|part| attribute(&part)).collect::<Result<_, _>>()?;
        Ok(Self(attributes))
    }
}

/// The parts between commas, semicolons and plus signs that no backslash stands before, escapes undone in values only.
fn split(text: &str) -> Result<Vec<String>, Malformed> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let part = match (c, parts.last_mut()) {
            (',' | ';' | '+', _) | (_, None) => {
                parts.push(String::new());
                continue;
            }
            (_, Some(part)) => part,
        };
        if c != '\\' {
            part.push(c);
            continue;
        }
        match chars.next() {
            Some(escaped) if !escaped.is_ascii_hexdigit() => part.push(escaped),
            _ => return Err(Malformed::new("a backslash stands before what needs none")),
        }
    }
    Ok(parts)
}

fn attribute(part: &str) -> Result<(String, String), Malformed> {
    match part.split_once('=').map(|(kind, value)| (kind.trim(), value.trim())) {
        Some((kind, value)) if !kind.is_empty() && !value.is_empty() => {
            Ok((kind.to_owned(), value.to_owned()))
        }
        _ => Err(Malformed::new(format!("\"{}\" is no KIND=VALUE", part.trim()))),
    }
}

#[cfg(test)]
mod tests {
    use super::NamePattern;
    use x509_parser::prelude::FromDer as _;

    fn name(params: &[(rcgen::DnType, &str)]) -> crate::DistinguishedName {
        let mut certificate = rcgen::CertificateParams::default();
        certificate.distinguished_name = rcgen::DistinguishedName::new();
        params.iter().for_each(|(kind, value)| certificate.distinguished_name.push(kind.clone(), *value));
        let made = certificate.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let (_, x509) = x509_parser::certificate::X509Certificate::from_der(made.der()).unwrap();
        crate::DistinguishedName::of(x509.subject())
    }

    #[test]
    fn a_name_is_matched_by_its_attributes_in_any_order_and_case() {
        let old =
            name(&[(rcgen::DnType::OrganizationName, "Acme, Inc"), (rcgen::DnType::CommonName, "Old CA")]);
        for text in ["CN=Old CA", "cn = old  ca", "O=Acme\\, Inc,CN=Old CA", "CN=Old CA, O=Acme\\, Inc"] {
            assert!(text.parse::<NamePattern>().unwrap().matches(&old), "{text}");
        }
        for text in ["CN=New CA", "CN=Old CA,O=Other", "CN=Old", "OU=Old CA"] {
            assert!(!text.parse::<NamePattern>().unwrap().matches(&old), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "Old CA", "CN=", "=Old", "CN=a,,O=b", "CN=a\\"] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
    }
}
