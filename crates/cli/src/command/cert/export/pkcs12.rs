use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use fault::Fault;
use identity::{Certificate, Credential, Secret};
use p12_keystore::{Certificate as Bag, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use zeroize::Zeroizing;

/// A PKCS#12 file with the credential under one alias: AES-256 and SHA-256, which Java 8u301, OpenSSL 1.1 and every
/// current browser read.
pub(super) fn pkcs12(credential: &Credential, alias: &str, password: &Secret) -> Result<Vec<u8>, Fault> {
    let defect = |error: p12_keystore::error::Error| Fault::ours("cannot write PKCS#12").because(error);
    let key = PrivateKey::from_der(credential.key().der().secret_der()).map_err(defect)?;
    let bag = |certificate: &Certificate| Bag::from_der(certificate.der());
    let chain: Vec<Bag> = credential.chain().iter().map(bag).collect::<Result<_, _>>().map_err(defect)?;
    let id = credential.leaf().fingerprint();
    let mut store = KeyStore::new();
    let entry = PrivateKeyChain::new(id.bytes().as_slice(), key, chain);
    store.add_entry(alias, KeyStoreEntry::PrivateKeyChain(entry));
    let password = std::str::from_utf8(password.expose())
        .map_err(|_| Fault::yours("the password of a PKCS#12 file must be text"))?;
    store
        .writer(password)
        .encryption_iterations(ITERATIONS)
        .mac_iterations(ITERATIONS)
        .write()
        .map_err(defect)
}

/// A password that nobody has to think of: 128 random bits.
pub(super) fn password() -> Result<Zeroizing<String>, Fault> {
    let mut random = Zeroizing::new([0_u8; 16]);
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(random.as_mut_slice())
        .map_err(|_| Fault::theirs("the system gives no random bytes"))?;
    Ok(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(random.as_slice())))
}

const ITERATIONS: u32 = 100_000;
