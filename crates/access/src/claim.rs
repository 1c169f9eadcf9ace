use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use identity::{Certificate, CommonName, Fingerprint, Pin, San, Verified};

use crate::MtlsMatch;

/// One condition on a certificate, in the one spelling by which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Claim {
    CertSha256(Fingerprint),
    SpkiSha256(Pin),
    SanUri(String),
    SanDns(String),
    SanEmail(String),
    SanIp(IpAddr),
    SubjectCn(String),
    IssuerSpkiSha256(Pin),
    SubjectO(String),
    SubjectOu(String),
}

impl Claim {
    /// The conditions of an entry, the most selective first, always in the same order.
    pub(crate) fn all_of(entry: &MtlsMatch) -> Vec<Self> {
        let e = entry;
        let dns = |name: &String| Self::SanDns(fold_dns(name).into_owned());
        let email = |address: &String| Self::SanEmail(fold_email(address).into_owned());
        [
            e.cert_sha256.map(Self::CertSha256),
            e.spki_sha256.map(Self::SpkiSha256),
            e.san_uri.clone().map(Self::SanUri),
            e.san_dns.as_ref().map(dns),
            e.san_email.as_ref().map(email),
            e.san_ip.map(Self::SanIp),
            e.subject_cn.clone().map(Self::SubjectCn),
            e.issuer_spki_sha256.map(Self::IssuerSpkiSha256),
            e.subject_o.clone().map(Self::SubjectO),
            e.subject_ou.clone().map(Self::SubjectOu),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether the certificate meets it.
    pub(crate) fn holds(&self, verified: &Verified) -> bool {
        let leaf = verified.leaf();
        let identity = leaf.identity();
        let any_san = |wanted: &dyn Fn(&San) -> bool| identity.sans().iter().any(wanted);
        match self {
            Self::CertSha256(print) => leaf.fingerprint() == *print,
            Self::SpkiSha256(pin) => identity.spki_sha256() == *pin,
            Self::SanUri(uri) => any_san(&|san| matches!(san, San::Uri(have) if have == uri)),
            Self::SanDns(name) => any_san(&|san| matches!(san, San::Dns(have) if fold_dns(have) == *name)),
            Self::SanEmail(to) => any_san(&|san| matches!(san, San::Email(have) if fold_email(have) == *to)),
            Self::SanIp(ip) => any_san(&|san| matches!(san, San::Ip(have) if have == ip)),
            Self::SubjectCn(name) => matches!(identity.common_name(), CommonName::One(have) if have == name),
            Self::IssuerSpkiSha256(pin) => issuer(verified).identity().spki_sha256() == *pin,
            Self::SubjectO(wanted) => identity.organizations().iter().any(|have| have == wanted),
            Self::SubjectOu(wanted) => identity.organizational_units().iter().any(|have| have == wanted),
        }
    }

    /// The name of the field it was written in.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::CertSha256(_) => "cert_sha256",
            Self::SpkiSha256(_) => "spki_sha256",
            Self::SanUri(_) => "san_uri",
            Self::SanDns(_) => "san_dns",
            Self::SanEmail(_) => "san_email",
            Self::SanIp(_) => "san_ip",
            Self::SubjectCn(_) => "subject_cn",
            Self::IssuerSpkiSha256(_) => "issuer_spki_sha256",
            Self::SubjectO(_) => "subject_o",
            Self::SubjectOu(_) => "subject_ou",
        }
    }

    /// Whether a certificate has one value in this field, never several.
    pub(crate) fn is_single(&self) -> bool {
        match self {
            Self::CertSha256(_) | Self::SpkiSha256(_) | Self::SubjectCn(_) | Self::IssuerSpkiSha256(_) => {
                true
            }
            Self::SanUri(_)
            | Self::SanDns(_)
            | Self::SanEmail(_)
            | Self::SanIp(_)
            | Self::SubjectO(_)
            | Self::SubjectOu(_) => false,
        }
    }

    /// Whether the other asks for another value in the same field.
    pub(crate) fn rivals(&self, other: &Self) -> bool {
        self.field() == other.field() && self != other
    }

    /// The field and its value without quotation marks: `subject_cn=analyst`.
    pub(crate) fn word(&self) -> String {
        let field = self.field();
        match self {
            Self::CertSha256(print) => format!("{field}={print}"),
            Self::SpkiSha256(pin) | Self::IssuerSpkiSha256(pin) => format!("{field}={pin}"),
            Self::SanIp(ip) => format!("{field}={ip}"),
            Self::SanUri(text)
            | Self::SanDns(text)
            | Self::SanEmail(text)
            | Self::SubjectCn(text)
            | Self::SubjectO(text)
            | Self::SubjectOu(text) => format!("{field}={text}"),
        }
    }

    /// What the certificate has in this field, for a person.
    pub(crate) fn presented(&self, verified: &Verified) -> String {
        let leaf = verified.leaf();
        let identity = leaf.identity();
        match self {
            Self::CertSha256(_) => leaf.fingerprint().to_string(),
            Self::SpkiSha256(_) => identity.spki_sha256().to_string(),
            Self::SanUri(_) | Self::SanDns(_) | Self::SanEmail(_) | Self::SanIp(_) => {
                let of_kind = identity.sans().iter().filter_map(|san| self.same_kind(san));
                listed(of_kind)
            }
            Self::SubjectCn(_) => match identity.common_name() {
                CommonName::None => "none".to_owned(),
                CommonName::One(name) => format!("{name:?}"),
                CommonName::Unusable(why) => format!("unusable ({why})"),
            },
            Self::IssuerSpkiSha256(_) => issuer(verified).identity().spki_sha256().to_string(),
            Self::SubjectO(_) => listed(identity.organizations().iter().map(|o| format!("{o:?}"))),
            Self::SubjectOu(_) => listed(identity.organizational_units().iter().map(|o| format!("{o:?}"))),
        }
    }

    fn same_kind(&self, san: &San) -> Option<String> {
        match (self, san) {
            (Self::SanUri(_), San::Uri(text))
            | (Self::SanDns(_), San::Dns(text))
            | (Self::SanEmail(_), San::Email(text)) => Some(format!("{text:?}")),
            (Self::SanIp(_), San::Ip(ip)) => Some(ip.to_string()),
            _ => None,
        }
    }
}

/// The field and its value in quotation marks: `subject_cn "analyst"`.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field();
        match self {
            Self::CertSha256(print) => write!(f, "{field} \"{print}\""),
            Self::SpkiSha256(pin) | Self::IssuerSpkiSha256(pin) => write!(f, "{field} \"{pin}\""),
            Self::SanIp(ip) => write!(f, "{field} \"{ip}\""),
            Self::SanUri(text)
            | Self::SanDns(text)
            | Self::SanEmail(text)
            | Self::SubjectCn(text)
            | Self::SubjectO(text)
            | Self::SubjectOu(text) => write!(f, "{field} {text:?}"),
        }
    }
}

/// Several claims of one entry as a sentence names them.
pub(crate) fn sentence(claims: &[Claim]) -> String {
    let words: Vec<String> = claims.iter().map(ToString::to_string).collect();
    words.join(" and ")
}

/// DNS names compare without regard to letter case.
pub(crate) fn fold_dns(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// The part after the last `@` is a DNS name; the part before it belongs to the mail server and is kept.
pub(crate) fn fold_email(address: &str) -> Cow<'_, str> {
    match address.rsplit_once('@') {
        Some((local, domain)) if domain.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Cow::Owned(format!("{local}@{}", domain.to_ascii_lowercase()))
        }
        _ => Cow::Borrowed(address),
    }
}

/// The certificate that signed the leaf; a trusted self-signed leaf signed itself.
fn issuer(verified: &Verified) -> &Certificate {
    verified.chain().get(1).unwrap_or(verified.leaf())
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::{fold_dns, fold_email};

    #[test]
    fn an_address_folds_its_domain_and_keeps_its_local_part() {
        assert_eq!(fold_email("Alice@Example.COM"), "Alice@example.com");
        assert_eq!(fold_email("\"a@b\"@Example.COM"), "\"a@b\"@example.com");
        assert_eq!(fold_email("nobody"), "nobody");
        assert_eq!(fold_dns("DB.Example.com"), "db.example.com");
    }
}
