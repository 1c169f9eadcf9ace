//! What makes a certificate and a key an authority.

use fault::Fault;
use identity::{Certificate, Pin, PrivateKey};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::Standing;
use crate::possession;

pub(super) fn leading(chain: &[Certificate]) -> Result<&Certificate, Fault> {
    chain.first().ok_or_else(|| Fault::yours("there is no certificate for the issuer"))
}

pub(super) fn certificate(
    issuer: &Certificate,
    standing: Standing,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let name = issuer.identity().subject();
    if !issuer.is_ca() {
        return Err(Fault::yours(format!("the certificate \"{name}\" is not an authority's"))
            .because("its basic constraints do not say CA:TRUE")
            .remedy("name the issuer's certificate, or make an issuer: countersign ca init-issuer"));
    }
    if standing == Standing::Issuer && issuer.is_self_issued() {
        return Err(Fault::yours(format!("\"{name}\" is a root, and an issuer should be here"))
            .because(
                "a node that holds the root's key can make any identity; the root belongs off this machine",
            )
            .remedy("make an issuer below the root: countersign ca init-issuer"));
    }
    may_sign(issuer)?;
    let (from, until) = (issuer.identity().not_before(), issuer.identity().not_after());
    if now > until {
        return Err(Fault::yours(format!("the issuer \"{name}\" expired on {until}"))
            .because(format!("it is {now}"))
            .remedy("make a new issuer below the root: countersign ca init-issuer"));
    }
    if now < from {
        return Err(Fault::yours(format!("the issuer \"{name}\" is not valid before {from}"))
            .because(format!("it is {now}"))
            .remedy("see whether this machine's clock is right"));
    }
    Ok(())
}

/// Key usage, where it is there at all, must say keyCertSign; openssl's plain recipes leave it out.
fn may_sign(issuer: &Certificate) -> Result<(), Fault> {
    let (_, parsed) = X509Certificate::from_der(issuer.der())
        .map_err(|error| Fault::yours("the issuer's certificate cannot be read").because(error))?;
    match parsed.key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.key_cert_sign() => Ok(()),
        _ => Err(Fault::yours(format!("\"{}\" may not sign certificates", issuer.identity().subject()))
            .because("its key usage does not say keyCertSign")
            .remedy("name the issuer's certificate, or make an issuer: countersign ca init-issuer")),
    }
}

pub(super) fn key(issuer: &Certificate, key: &PrivateKey) -> Result<(), Fault> {
    let (own, given) = (issuer.identity().spki_sha256(), Pin::of_spki(&key.public_spki()));
    if own == given {
        return Ok(());
    }
    Err(Fault::yours(format!("the key does not belong to the issuer \"{}\"", issuer.identity().subject()))
        .because(format!(
            "key values mismatch: the certificate's public key has SHA-256 {own}, the private key's {given}"
        ))
        .remedy("name the key that was made with this certificate"))
}

pub(crate) fn below(issuer: &Certificate, root: &Certificate) -> Result<(), Fault> {
    let names = format!("the issuer \"{}\"", issuer.identity().subject());
    let root_name = root.identity().subject();
    if issuer.identity().issuer() != root_name || !is_signed_by(issuer, root) {
        return Err(Fault::yours(format!("{names} was not signed by the root \"{root_name}\""))
            .because(format!(
                "its certificate names \"{}\" as the one who signed it",
                issuer.identity().issuer()
            ))
            .remedy("name the root that signed the issuer, or make a new issuer below this root"));
    }
    if root.path_len() == Some(0) {
        return Err(Fault::yours(format!("\"{root_name}\" allows no issuer below it"))
            .because("its path length is 0")
            .remedy("make the issuer with the key of a root: countersign ca init-issuer"));
    }
    Ok(())
}

/// That a chain of authorities, lowest first, leads to this root: what follows the one that the root has signed may lead
/// somewhere else.
pub(super) fn stands_below<'a>(
    links: impl Iterator<Item = &'a Certificate>,
    root: &Certificate,
) -> Result<(), Fault> {
    let mut links = links.peekable();
    while let Some(link) = links.next() {
        let Err(fault) = below(link, root) else { return Ok(()) };
        let Some(above) = links.peek() else { return Err(fault) };
        if let Err(closer) = below(link, above) {
            // Where the next one is the one that signed it, what is wrong between the two is what there is to mend.
            let named = link.identity().issuer() == above.identity().subject();
            return Err(if named { closer } else { fault });
        }
    }
    Ok(())
}

fn is_signed_by(issuer: &Certificate, root: &Certificate) -> bool {
    let (Ok((_, above)), Some(kind)) = (X509Certificate::from_der(root.der()), root.key_kind()) else {
        return false;
    };
    possession::signed_by(kind, &above.tbs_certificate.subject_pki.subject_public_key.data, issuer.der())
}
