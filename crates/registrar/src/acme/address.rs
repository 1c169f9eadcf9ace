//! What a path below `/acme/` names, and the addresses that clients are told.

use std::fmt;

use wire::acme::challenge::Method;

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    RevokeCert,
    KeyChange,
    /// When a certificate should be renewed, by its RFC 9773 identifier.
    Renewal(String),
    Account(String),
    Orders(String),
    Order(OrderAt),
    Finalize(OrderAt),
    Certificate(OrderAt),
    /// The authorization for one of the order's names, counted from 0.
    Authorization(OrderAt, usize),
    Challenge(OrderAt, usize, Method),
}

/// An order of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderAt {
    pub(super) account: String,
    pub(super) order: String,
}

impl Address {
    pub(super) fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let first = parts.next()?;
        let rest: Vec<&str> = parts.collect();
        let id = |text: &str| is_id(text).then(|| text.to_owned());
        let at = |account: &str, order: &str| Some(OrderAt { account: id(account)?, order: id(order)? });
        let number = |text: &str| text.parse().ok().filter(|number: &usize| number.to_string() == text);
        Some(match (first, rest.as_slice()) {
            ("directory", []) => Self::Directory,
            ("new-nonce", []) => Self::NewNonce,
            ("new-account", []) => Self::NewAccount,
            ("new-order", []) => Self::NewOrder,
            ("revoke-cert", []) => Self::RevokeCert,
            ("key-change", []) => Self::KeyChange,
            ("renewal-info", [certificate]) => Self::Renewal((*certificate).to_owned()),
            ("account", [account]) => Self::Account(id(account)?),
            ("account", [account, "orders"]) => Self::Orders(id(account)?),
            ("order", [account, order]) => Self::Order(at(account, order)?),
            ("order", [account, order, "finalize"]) => Self::Finalize(at(account, order)?),
            ("order", [account, order, "certificate"]) => Self::Certificate(at(account, order)?),
            ("authorization", [account, order, name]) => {
                Self::Authorization(at(account, order)?, number(name)?)
            }
            ("challenge", [account, order, name, method]) => {
                Self::Challenge(at(account, order)?, number(name)?, Method::parse(method)?)
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("directory"),
            Self::NewNonce => f.write_str("new-nonce"),
            Self::NewAccount => f.write_str("new-account"),
            Self::NewOrder => f.write_str("new-order"),
            Self::RevokeCert => f.write_str("revoke-cert"),
            Self::KeyChange => f.write_str("key-change"),
            // Clients put the identifier behind it themselves.
            Self::Renewal(certificate) if certificate.is_empty() => f.write_str("renewal-info"),
            Self::Renewal(certificate) => write!(f, "renewal-info/{certificate}"),
            Self::Account(account) => write!(f, "account/{account}"),
            Self::Orders(account) => write!(f, "account/{account}/orders"),
            Self::Order(at) => write!(f, "order/{at}"),
            Self::Finalize(at) => write!(f, "order/{at}/finalize"),
            Self::Certificate(at) => write!(f, "order/{at}/certificate"),
            Self::Authorization(at, name) => write!(f, "authorization/{at}/{name}"),
            Self::Challenge(at, name, method) => write!(f, "challenge/{at}/{name}/{}", method.as_str()),
        }
    }
}

impl fmt::Display for OrderAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.order)
    }
}

/// What we give out as identifiers: base64url.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_path_names_one_thing_in_one_way() {
        for path in [
            "directory",
            "account/a",
            "account/a/orders",
            "order/a/b",
            "order/a/b/finalize",
            "order/a/b/certificate",
            "authorization/a/b/0",
            "challenge/a/b/12/tls-alpn-01",
            "renewal-info/AA.AA",
        ] {
            assert_eq!(Address::parse(path).unwrap().to_string(), path);
        }
        for path in
            ["", "directory/", "account/", "account/a.b", "authorization/a/b/00", "authorization/a/b/+1"]
        {
            assert_eq!(Address::parse(path), None, "{path}");
        }
        assert_eq!(Address::parse("challenge/a/b/0/dns-01"), None);
    }
}
