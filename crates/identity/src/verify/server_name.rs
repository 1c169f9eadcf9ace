//! Whether a server's certificate covers the name that we wanted to reach (RFC 9525).

use fault::{Code, Refusal};
use rustls_pki_types::ServerName;
use webpki::EndEntityCert;

use super::cause;
use super::presented::malformed;
use crate::{Certificate, San};

/// How many names a cause lists.
const LISTED: usize = 10;

/// Refuses a leaf whose subject alternative names do not cover `name`. The common name is not a host name.
pub(super) fn covers(leaf: &Certificate, name: &str) -> Result<(), Refusal> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let wanted = ServerName::try_from(bare)
        .map_err(|_| refusal(format!("\"{name}\" is neither a host name nor an IP address")))?;
    if leaf.version() == 1 {
        return Err(mismatch(leaf, name));
    }
    let certificate = EndEntityCert::try_from(leaf.der())
        .map_err(|error| malformed(format!("{} cannot be read: {error:?}", cause::title(leaf))))?;
    certificate.verify_is_valid_for_subject_name(&wanted).map_err(|_| mismatch(leaf, name))
}

fn mismatch(leaf: &Certificate, name: &str) -> Refusal {
    let names: Vec<String> = leaf.identity().sans().iter().filter_map(text).collect();
    let title = cause::title(leaf);
    refusal(match names.len() {
        0 => format!("\"{name}\" is wanted, and {title} has no subject alternative name for a host"),
        count if count > LISTED => {
            let listed = names.get(..LISTED).unwrap_or_default().join(", ");
            format!("\"{name}\" is wanted, and {title} is for {listed} and {} more", count - LISTED)
        }
        _ => format!("\"{name}\" is wanted, and {title} is for {}", names.join(", ")),
    })
}

fn text(san: &San) -> Option<String> {
    match san {
        San::Dns(name) => Some(format!("DNS:{name}")),
        San::Ip(address) => Some(format!("IP:{address}")),
        _ => None,
    }
}

fn refusal(cause: String) -> Refusal {
    Refusal::new(Code::NameNotAllowed, cause)
}
