//! `tls.<profile>.revocation`: what counts as revoked, and who is asked.

use std::path::PathBuf;
use std::time::Duration;

use identity::{FailureMode, IssuerMatch, Serial};

use crate::reader::{At, Reader, Shape};
use crate::scalar::{Ground, Scalar, Size, Wrong, unknown, words};
use crate::table::{Toggle, shapes, table};
use crate::yaml::{Node, Value};

table! {
    /// Which client certificates count as revoked, and who is asked about the others. Left out, only the node's own
    /// ledger is consulted.
    Revocation at "tls.<profile>.revocation" {
        /// Certificate revocation lists, PEM or DER; `*` in the last part of a path stands for any characters. Each must be
        /// signed by an authority in `client_ca`.
        crl_files: Vec<At<PathBuf>>;
        /// What a list from a file counts for once its `nextUpdate` has passed: for nothing but the serials on it
        /// (`fail-closed`), for as much as before (`fail-open`), or for as much as before during `grace`.
        outdated: Outdated = "fail-closed";
        /// How long, with `outdated: grace`.
        grace: Duration;
        /// Serial numbers that are refused whatever the authorities say: each a text, or a table with its issuer.
        revoked_serials: Vec<At<RevokedSerial>> = "";
        /// Whether the authorities are asked about certificates that no list at hand speaks of: their lists first, then
        /// OCSP.
        verification: Toggle<Verification> = "false";
    }
}

words! {
    /// What a list counts for once its `nextUpdate` has passed.
    pub(crate) enum Outdated {
        /// For nothing but the serials on it.
        FailClosed = "fail-closed",
        /// For as much as before.
        FailOpen = "fail-open",
        /// For as much as before, for so long.
        Grace = "grace",
    }
}

table! {
    /// A serial number that is refused, and whose it is.
    Denied at "tls.<profile>.revocation.revoked_serials[]" {
        /// The number in hexadecimal, in any case, with or without colons and leading zeros, as
        /// `openssl x509 -noout -serial` prints it.
        serial: Serial;
        /// The authority that gave the number: attributes that its subject has, such as `CN=Old CA,O=Example`, or the pin of
        /// its key; left out: whichever authority.
        issuer: IssuerMatch;
    }
}

/// A serial number alone, or with its issuer.
#[derive(Clone, Debug)]
pub(crate) struct RevokedSerial {
    pub(crate) serial: Option<At<Serial>>,
    pub(crate) issuer: Option<At<IssuerMatch>>,
}

impl Shape for RevokedSerial {
    fn kind() -> String {
        format!("{} or {}", <Serial as Scalar>::kind(), Denied::kind())
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        if let Value::Text(_) = node.value {
            return reader.read(node, path).map(|serial| Self { serial: Some(serial), issuer: None });
        }
        let Denied { serial, issuer, .. } = Denied::read(reader, node, path)?;
        Some(Self { serial, issuer })
    }
}

table! {
    /// Asking the authorities. Each key may be spelt in either way, and a duration without a unit is in milliseconds, as
    /// Harper's `certificateVerification` has it.
    Verification at "tls.<profile>.revocation.verification" {
        /// What happens to a certificate that nobody answers for: `fail-closed` refuses it, `fail-open` lets it in with a
        /// warning. One that is revoked is refused either way, and so is one whose list bears a wrong signature.
        failure_mode or "failureMode": FailureMode = "fail-closed";
        /// Lists from the certificates' distribution points.
        crl: Toggle<Crl> = "true";
        /// The responders that the certificates name.
        ocsp: Toggle<Ocsp> = "true";
        /// Whether intermediates are asked about as well as the client's own certificate.
        check_intermediates or "checkIntermediates": bool = "true";
        /// Whether addresses of this machine and of private networks may be fetched from.
        allow_private_addresses or "allowPrivateAddresses": bool = "false";
        /// Lists that are fetched at the start, so that no first connection waits for them.
        prefetch: Vec<At<Address>> = "";
        /// Addresses that are fetched from elsewhere, such as a mirror.
        url_rewrite or "urlRewrite": Vec<At<UrlRewrite>> = "";
        /// The most that one answer may hold.
        max_bytes or "maxBytes": Size = "16MiB";
    }
}

table! {
    /// Lists from distribution points.
    Crl at "tls.<profile>.revocation.verification.crl" {
        /// Whether they are fetched.
        enabled: bool = "true";
        /// How long one fetch may take; at least `1s`.
        timeout: Wait = "10s";
        /// How long a list counts before it is fetched again, where its `nextUpdate` does not say sooner; at least `1s`.
        cache_ttl or "cacheTtl": Wait = "24h";
        /// How long after its `nextUpdate` a list still counts where no newer one can be had.
        grace or "gracePeriod": Wait = "24h";
        /// What happens where no list can be had; left out: as `failure_mode` above.
        failure_mode or "failureMode": FailureMode;
    }
}

table! {
    /// OCSP.
    Ocsp at "tls.<profile>.revocation.verification.ocsp" {
        /// Whether responders are asked.
        enabled: bool = "true";
        /// How long one request may take; at least `1s`.
        timeout: Wait = "5s";
        /// How long a good answer counts, where its `nextUpdate` does not say sooner; at least `1s`.
        cache_ttl or "cacheTtl": Wait = "1h";
        /// How long a failure is remembered before the responder is asked again; at least `1s`.
        error_cache_ttl or "errorCacheTtl": Wait = "5m";
        /// What happens where the responder does not answer; left out: as `failure_mode` above.
        failure_mode or "failureMode": FailureMode;
    }
}

table! {
    /// An address that is fetched from elsewhere.
    UrlRewrite at "tls.<profile>.revocation.verification.url_rewrite[]" {
        /// What the address begins with.
        from: Address;
        /// What it begins with instead.
        to: Address;
    }
}

/// A duration with its unit, or a number of milliseconds; what is too short is told by the check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) milliseconds: i64,
}

impl Scalar for Wait {
    fn kind() -> String {
        "duration, or number of milliseconds".into()
    }

    fn parse(text: &str, ground: &Ground) -> Result<Self, Wrong> {
        let wanted = "is neither a duration such as 10s nor a number of milliseconds";
        let wrong = || Wrong::new(wanted);
        let duration = || Duration::parse(text, ground).map(|duration| duration.as_millis());
        let milliseconds = match text.parse::<i64>() {
            Ok(milliseconds) => milliseconds,
            Err(_) => i64::try_from(duration().map_err(|_| wrong())?).map_err(|_| wrong())?,
        };
        Ok(Self { milliseconds })
    }
}

/// An address that can be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Address(pub(crate) String);

impl Scalar for Address {
    fn kind() -> String {
        "`http://…` or `https://…`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let host = host.and_then(|rest| rest.split(['/', '?', '#']).next());
        let plain = text.chars().all(|c| c.is_ascii_graphic());
        match host {
            Some(host) if plain && !host.is_empty() && !host.contains('@') => Ok(Self(text.to_owned())),
            _ => Err(Wrong::new("is not an address (want http://HOST/… or https://HOST/…)")),
        }
    }
}

impl Scalar for FailureMode {
    fn kind() -> String {
        "`fail-closed` or `fail-open`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let known = [Self::FailClosed, Self::FailOpen];
        let known = known.into_iter().find(|mode| mode.as_str() == text);
        known.ok_or_else(|| unknown(text, &["fail-closed", "fail-open"]))
    }
}

impl Scalar for IssuerMatch {
    fn kind() -> String {
        "a subject such as `CN=Old CA`, 64 hexadecimal digits or `sha256//BASE64`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        text.parse().map_err(|_| {
            Wrong::new("is neither the subject of an authority nor the pin of its key").remedy(
                "write it as countersign cert show prints the certificate's issuer, such as \"CN=Old CA\"",
            )
        })
    }
}

shapes! { Outdated Wait Address FailureMode IssuerMatch }
