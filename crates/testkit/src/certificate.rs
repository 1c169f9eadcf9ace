//! Certificates that no careful authority would make, and a few that it would.

use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair};
use time::{Duration, OffsetDateTime};

use crate::World;

pub use rcgen;

/// Signs a leaf with openssl: files `NAME.key` and `NAME.crt`, signed by `CA.crt` and `CA.key` of the same world.
///
/// `key` is what `openssl genpkey` takes after its name (`-algorithm ED25519`), `extensions` the lines of an extension
/// file (no lines: openssl 3.0 then writes X.509 version 1), and `signing` further arguments of `openssl x509 -req`.
///
/// # Panics
/// When openssl fails.
pub fn leaf(world: &World, ca: &str, name: &str, subject: &str, extensions: &str, more: &More) {
    world.write(format!("{name}.ext"), extensions);
    let extfile = if extensions.is_empty() { String::new() } else { format!("-extfile '{name}.ext'") };
    let More { key, signing } = more;
    world.sh(&format!(
        "umask 077; openssl genpkey {key} -out '{name}.key' && \
         openssl req -new -utf8 -key '{name}.key' -subj '{subject}' -out '{name}.csr' && \
         openssl x509 -req -in '{name}.csr' -CA '{ca}.crt' -CAkey '{ca}.key' -CAcreateserial \
           -days 30 {signing} {extfile} -out '{name}.crt'"
    ));
}

/// How [`leaf`] makes the key and the signature.
#[derive(Clone, Copy, Debug)]
pub struct More<'a> {
    /// Arguments of `openssl genpkey`.
    pub key: &'a str,
    /// Further arguments of `openssl x509 -req`.
    pub signing: &'a str,
}

impl Default for More<'_> {
    fn default() -> Self {
        Self { key: "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", signing: "-sha256" }
    }
}

/// A client certificate with this common name, as careful authorities make them.
///
/// # Panics
/// When openssl fails.
pub fn client(world: &World, ca: &str, name: &str) {
    leaf(world, ca, name, &format!("/CN={name}"), "extendedKeyUsage = clientAuth", &More::default());
}

/// A new authority: files `NAME.crt` and `NAME.key`, self-signed, with this common name.
///
/// # Panics
/// When openssl fails.
pub fn authority(world: &World, name: &str, common_name: &str) {
    world.sh(&format!(
        "umask 077; openssl ecparam -name prime256v1 -genkey -noout -out '{name}.key' && \
         openssl req -x509 -new -key '{name}.key' -sha256 -days 3650 -subj '/CN={common_name}' -out '{name}.crt'"
    ));
}

/// A client certificate that is valid from `from` to `until`, counted from now: what openssl 3.0 cannot date.
///
/// # Panics
/// When the authority's files cannot be read.
pub fn client_valid(world: &World, ca: &str, name: &str, from: Duration, until: Duration) {
    shaped(world, ca, name, |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = OffsetDateTime::now_utc() + from;
        params.not_after = OffsetDateTime::now_utc() + until;
    });
}

/// A certificate in any shape that rcgen can give it, common name `name`; files `NAME.crt` and `NAME.key`.
///
/// # Panics
/// When the authority's files cannot be read.
pub fn shaped(world: &World, ca: &str, name: &str, shape: impl FnOnce(&mut CertificateParams)) {
    let ca_key = KeyPair::from_pem(&world.read(format!("{ca}.key"))).expect("the authority's key");
    let issuer = Issuer::from_ca_cert_pem(&world.read(format!("{ca}.crt")), ca_key)
        .expect("the authority's certificate");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(30);
    shape(&mut params);
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    world.write(format!("{name}.crt"), certificate.pem());
    world.write_secret(format!("{name}.key"), key.serialize_pem());
}
