use std::fmt;

use serde::{Serialize, Serializer};
use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A distinguished name, read from DER; equal where the DER is equal.
///
/// `Display` is RFC 4514's string form in the order of the certificate: `CN=analyst,O=Acme Inc,C=US`.
#[derive(Clone, Debug)]
pub struct DistinguishedName {
    der: Box<[u8]>,
    /// One entry for each attribute; `joined` where it shares its set with the one before.
    attributes: Vec<Attribute>,
}

#[derive(Clone, Debug)]
struct Attribute {
    kind: String,
    value: Value,
    joined: bool,
}

/// An attribute's value: text, or the DER that is not text.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Der(String),
}

impl DistinguishedName {
    pub(crate) fn of(name: &X509Name<'_>) -> Self {
        let attributes = name.iter_rdn().flat_map(|set| {
            set.iter().enumerate().map(|(n, attribute)| Attribute {
                kind: short_name(attribute),
                value: value(attribute.attr_value()),
                joined: n > 0,
            })
        });
        Self { der: name.as_raw().into(), attributes: attributes.collect() }
    }

    /// The name as encoded in the certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the name has no attributes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// Short name (or dotted identifier) and value of each attribute, in certificate order, without escapes; a value
    /// that is not text is `#` and hex of its DER.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|attribute| {
            let (Value::Text(value) | Value::Der(value)) = &attribute.value;
            (attribute.kind.as_str(), value.as_str())
        })
    }

    /// The text values of one kind.
    pub(crate) fn values(&self, kind: &str) -> Vec<String> {
        let of_kind = self.attributes.iter().filter(|attribute| attribute.kind == kind);
        of_kind
            .filter_map(|attribute| match &attribute.value {
                Value::Text(text) => Some(text.clone()),
                Value::Der(_) => None,
            })
            .collect()
    }

    /// The common name, where there is exactly one that can be relied on.
    pub(crate) fn common_name(&self) -> CommonName {
        let mut names = self.attributes.iter().filter(|attribute| attribute.kind == "CN");
        let (Some(name), None) = (names.next(), names.next()) else {
            let any = self.attributes.iter().any(|attribute| attribute.kind == "CN");
            return if any { CommonName::Unusable("it has two common names") } else { CommonName::None };
        };
        match &name.value {
            Value::Der(_) => CommonName::Unusable("its common name is not text"),
            Value::Text(text) if text.is_empty() => CommonName::Unusable("its common name is empty"),
            Value::Text(text) if text.chars().any(char::is_control) => {
                CommonName::Unusable("its common name contains a control character")
            }
            Value::Text(text) => CommonName::One(text.clone()),
        }
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for DistinguishedName {}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, attribute) in self.attributes.iter().enumerate() {
            let separator = match (n, attribute.joined) {
                (0, _) => "",
                (_, true) => "+",
                (_, false) => ",",
            };
            write!(f, "{separator}{}=", attribute.kind)?;
            match &attribute.value {
                Value::Text(text) => escape(text, f)?,
                Value::Der(hex) => f.write_str(hex)?,
            }
        }
        Ok(())
    }
}

impl Serialize for DistinguishedName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A subject's common name. A certificate with two, with an empty one or with a control character in it has none to
/// go by: neither the first nor the last wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommonName {
    /// The subject has no common name.
    None,
    /// The one common name, exactly as written.
    One(String),
    /// There is one or more, and none can be relied on; says why.
    Unusable(&'static str),
}

impl CommonName {
    /// The name, where there is exactly one.
    #[must_use]
    pub fn one(&self) -> Option<&str> {
        match self {
            Self::One(name) => Some(name),
            Self::None | Self::Unusable(_) => None,
        }
    }
}

/// RFC 4514 §2.4, and every control character besides, so that a name cannot break a log line.
fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (n, c) in text.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{c}")?,
            ' ' if n == 0 || n == last => f.write_str("\\ ")?,
            '#' if n == 0 => f.write_str("\\#")?,
            c if c.is_control() => {
                c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "\\{byte:02X}"))?;
            }
            c => write!(f, "{c}")?,
        }
    }
    Ok(())
}

/// The short names of RFC 4514 §3 and of what OpenSSL prints; anything else is its dotted identifier.
fn short_name(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let short = match id.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return id,
    };
    short.to_owned()
}

fn value(any: &Any<'_>) -> Value {
    text(any).map_or_else(|| Value::Der(hex_of(any)), Value::Text)
}

/// The text of a directory string; T.61 only where it is ASCII, because beyond that nobody agrees what it says.
fn text(any: &Any<'_>) -> Option<String> {
    let ascii = || any.data.is_ascii().then(|| String::from_utf8_lossy(any.data).into_owned());
    match any.tag() {
        Tag::Utf8String => std::str::from_utf8(any.data).ok().map(str::to_owned),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString | Tag::T61String => {
            ascii()
        }
        Tag::BmpString => {
            let (units, rest) = any.data.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
        }
        Tag::UniversalString => {
            let (units, rest) = any.data.as_chunks::<4>();
            let text =
                units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect::<Option<_>>();
            text.filter(|_| rest.is_empty())
        }
        _ => None,
    }
}

/// `#` and the hex of the content, the form RFC 4514 gives to what is not text.
fn hex_of(any: &Any<'_>) -> String {
    let content = any.data.iter().map(|byte| format!("{byte:02x}"));
    let length = any.data.len();
    let length = if length < 0x80 { format!("{length:02x}") } else { format!("84{length:08x}") };
    let constructed = if any.header.is_constructed() { 0x20 } else { 0 };
    let tag = (any.class() as u8) << 6 | constructed | (any.tag().0.min(30) as u8);
    std::iter::once(format!("#{tag:02x}{length}")).chain(content).collect()
}
