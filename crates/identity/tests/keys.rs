//! Every form in which the real `openssl` writes a private key is read, and gives the public key that `openssl` gives.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "what a test is built with may fail loudly, and its files need no modes"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_identity::{
    Certificate, Credential, CredentialError, KeyError, KeyKind, PrivateKey, Secret, certificates_from_pem,
};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// A folder in which `openssl` is run, with a key of each algorithm in it.
struct Keys(TempDir);

/// File name of a key, what `openssl genpkey` is told, and the kind that it is.
const ALGORITHMS: [(&str, &str, KeyKind); 4] = [
    ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", KeyKind::Rsa(2048)),
    ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", KeyKind::EcdsaP256),
    ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", KeyKind::EcdsaP384),
    ("ed25519", "-algorithm ED25519", KeyKind::Ed25519),
];

impl Keys {
    fn new() -> Self {
        let keys = Self(tempfile::tempdir().unwrap());
        for (name, how, _) in ALGORITHMS {
            keys.openssl(&format!("genpkey {how} -out {name}"));
        }
        keys
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Runs `openssl`; the words of the command contain no spaces, except `PASSWORD`.
    fn openssl(&self, command: &str) -> Vec<u8> {
        let words = command.split(' ').map(|word| word.replace("PASSWORD", &format!("pass:{PASSWORD}")));
        let output = Command::new("openssl").args(words).current_dir(self.folder()).output().unwrap();
        assert!(output.status.success(), "openssl {command}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.folder().join(file)).unwrap()
    }

    /// The key in `file` loads, is of the kind, and has the public key that `openssl` finds.
    fn loads(&self, file: &str, password: Option<&Secret>, kind: KeyKind) {
        let key = PrivateKey::from_pem(&self.read(file), password)
            .unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(key.kind(), kind, "{file}");
        let public = self.openssl(&format!("pkey -in {file} -passin PASSWORD -pubout -outform DER"));
        assert_eq!(key.public_spki(), public, "{file}");
        assert_eq!(KeyKind::of_spki(&public), Some(kind), "{file}");
    }

    fn error(&self, file: &str, password: Option<&str>) -> KeyError {
        let password = password.map(|password| Secret::new(password.to_owned()));
        PrivateKey::from_pem(&self.read(file), password.as_ref()).unwrap_err()
    }

    /// The encrypted key in `file` loads with its password, and with no other.
    fn opens_with_its_password_alone(&self, file: &str, kind: KeyKind) {
        self.loads(file, Some(&Secret::new(PASSWORD.to_owned())), kind);
        assert_eq!(self.error(file, Some("wrong")), KeyError::BadDecrypt, "{file}");
        assert_eq!(self.error(file, Some("")), KeyError::BadDecrypt, "{file}");
        assert_eq!(self.error(file, None), KeyError::Encrypted, "{file}");
    }
}

#[test]
fn unencrypted_keys_load_in_every_form_with_any_line_ends_and_text_around_them() {
    let keys = Keys::new();
    keys.openssl("rsa -in rsa -traditional -out rsa-pkcs1");
    keys.openssl("ec -in p256 -out p256-sec1");
    keys.openssl("ecparam -name secp384r1 -genkey -out p384-parameters");
    keys.openssl("pkey -in rsa -text -out rsa-text");
    assert!(keys.read("rsa-pkcs1").starts_with(b"-----BEGIN RSA PRIVATE KEY"));
    assert!(keys.read("p256-sec1").starts_with(b"-----BEGIN EC PRIVATE KEY"));
    assert!(keys.read("p384-parameters").starts_with(b"-----BEGIN EC PARAMETERS"));
    let mut files: Vec<(String, KeyKind)> =
        ALGORITHMS.into_iter().map(|(name, _, kind)| (name.to_owned(), kind)).collect();
    files.push(("rsa-pkcs1".into(), KeyKind::Rsa(2048)));
    files.push(("p256-sec1".into(), KeyKind::EcdsaP256));
    files.push(("p384-parameters".into(), KeyKind::EcdsaP384));
    files.push(("rsa-text".into(), KeyKind::Rsa(2048)));
    for (file, kind) in files {
        keys.loads(&file, None, kind);
        let pem = String::from_utf8(keys.read(&file)).unwrap();
        let dressed =
            format!("Private-Key: (256 bit)\r\npriv:\r\n    00:11\r\n{}", pem.replace('\n', "\r\n"));
        let file = format!("{file}-dressed");
        fs::write(keys.folder().join(&file), dressed).unwrap();
        keys.loads(&file, None, kind);
    }
}

#[test]
fn encrypted_pkcs8_opens_with_its_password_alone() {
    let keys = Keys::new();
    let ciphers = [
        "-v2 aes-128-cbc -v2prf hmacWithSHA1",
        "-v2 aes-256-cbc -v2prf hmacWithSHA1",
        "-v2 aes-128-cbc -v2prf hmacWithSHA256",
        "-v2 aes-256-cbc -v2prf hmacWithSHA256",
        "-v2 des3",
        "-scrypt",
    ];
    for (name, _, kind) in ALGORITHMS {
        for (n, cipher) in ciphers.into_iter().enumerate() {
            let file = format!("{name}-{n}");
            keys.openssl(&format!("pkcs8 -topk8 -in {name} {cipher} -passout PASSWORD -out {file}"));
            assert!(keys.read(&file).starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY"));
            keys.opens_with_its_password_alone(&file, kind);
        }
    }
}

#[test]
fn traditionally_encrypted_keys_open_with_their_password_alone() {
    let keys = Keys::new();
    for cipher in ["aes128", "aes192", "aes256", "des3"] {
        keys.openssl(&format!("rsa -in rsa -{cipher} -traditional -passout PASSWORD -out rsa-{cipher}"));
        keys.openssl(&format!("ec -in p256 -{cipher} -passout PASSWORD -out p256-{cipher}"));
        for (name, kind) in [("rsa", KeyKind::Rsa(2048)), ("p256", KeyKind::EcdsaP256)] {
            let file = format!("{name}-{cipher}");
            assert!(String::from_utf8(keys.read(&file)).unwrap().contains("Proc-Type: 4,ENCRYPTED"));
            keys.opens_with_its_password_alone(&file, kind);
        }
    }
}

#[test]
fn what_we_do_not_take_is_refused_by_name() {
    let keys = Keys::new();
    keys.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak");
    keys.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out koblitz");
    keys.openssl(
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out explicit",
    );
    keys.openssl("genpkey -algorithm ED448 -out ed448");
    keys.openssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss");
    keys.openssl("rsa -in rsa -camellia256 -traditional -passout PASSWORD -out camellia");
    keys.openssl("pkcs8 -topk8 -in rsa -v1 PBE-SHA1-3DES -passout PASSWORD -out pbes1");
    let named = [
        ("weak", "an RSA key of 1024 bits is too weak; at least 2048 are needed"),
        ("koblitz", "the curve 1.3.132.0.10 is not supported; use P-256 or P-384"),
        ("explicit", "explicit curve parameters"),
        ("ed448", "1.3.101.113"),
        ("pss", "restricted to PSS"),
        ("camellia", "CAMELLIA-256-CBC"),
        ("pbes1", "openssl pkcs8 -topk8 -v2 aes-256-cbc"),
    ];
    for (file, reason) in named {
        let KeyError::Unsupported(told) = keys.error(file, Some(PASSWORD)) else {
            panic!("{file}: {:?}", keys.error(file, Some(PASSWORD)))
        };
        assert!(told.contains(reason), "{file}: {told}");
    }
}

#[test]
fn openssl_reads_the_keys_that_we_write() {
    let keys = Keys(tempfile::tempdir().unwrap());
    for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(2048)] {
        let key = PrivateKey::generate(kind).unwrap();
        fs::write(keys.folder().join("plain"), &*key.to_pem()).unwrap();
        fs::write(
            keys.folder().join("encrypted"),
            &*key.to_encrypted_pem(&Secret::new(PASSWORD.into())).unwrap(),
        )
        .unwrap();
        keys.loads("plain", None, kind);
        keys.opens_with_its_password_alone("encrypted", kind);
        assert_eq!(keys.openssl("pkey -in plain -pubout -outform DER"), key.public_spki());
        assert_eq!(
            keys.openssl("pkey -in encrypted -passin PASSWORD -pubout -outform DER"),
            key.public_spki()
        );
    }
}

/// A world as the manuals of other databases make it: an authority, and a client certificate without extensions.
fn version_1(keys: &Keys) -> Certificate {
    let subject = |name: &str| format!("/CN={name}/O=Acme\u{a0}Inc/C=US");
    let (authority, client) = (subject("countersign.Internal.CA"), subject("alice@example.com"));
    keys.openssl(&format!("req -new -x509 -key rsa -out ca.crt -days 3650 -utf8 -subj {authority}"));
    keys.openssl(&format!("req -new -key p256 -out alice.csr -utf8 -subj {client}"));
    keys.openssl("x509 -req -in alice.csr -CA ca.crt -CAkey rsa -CAcreateserial -out alice.crt -days 365");
    certificates_from_pem(&keys.read("alice.crt")).unwrap().remove(0)
}

#[test]
fn a_version_1_certificate_is_read_with_its_names_serial_and_pin_as_openssl_prints_them() {
    let keys = Keys::new();
    let certificate = version_1(&keys);
    let identity = certificate.identity();
    assert_eq!(certificate.version(), 1);
    assert_eq!(identity.common_name().one(), Some("alice@example.com"));
    assert_eq!(identity.subject().to_string(), "CN=alice@example.com,O=Acme\u{a0}Inc,C=US");
    assert_eq!(identity.organizations(), ["Acme\u{a0}Inc"]);
    assert!(identity.sans().is_empty() && certificate.usages().is_none() && !certificate.is_ca());
    let serial = String::from_utf8(keys.openssl("x509 -in alice.crt -noout -serial")).unwrap();
    assert_eq!(serial.trim(), format!("serial={}", identity.serial()));
    let fingerprint =
        String::from_utf8(keys.openssl("x509 -in alice.crt -noout -fingerprint -sha256")).unwrap();
    let (_, fingerprint) = fingerprint.trim().split_once('=').unwrap();
    assert_eq!(fingerprint.parse(), Ok(certificate.fingerprint()));
    fs::write(keys.folder().join("spki"), keys.openssl("pkey -in p256 -pubout -outform DER")).unwrap();
    let digest = String::from_utf8(keys.openssl("dgst -sha256 spki")).unwrap();
    assert!(digest.trim().ends_with(&identity.spki_sha256().to_string()), "{digest}");
}

#[test]
fn a_certificate_is_read_from_der_and_with_openssl_text_before_it() {
    let keys = Keys::new();
    let certificate = version_1(&keys);
    keys.openssl("x509 -in alice.crt -outform DER -out alice.der");
    keys.openssl("x509 -in alice.crt -text -out alice.txt");
    for file in ["alice.der", "alice.txt"] {
        assert_eq!(
            certificates_from_pem(&keys.read(file)).unwrap(),
            std::slice::from_ref(&certificate),
            "{file}"
        );
    }
}

#[test]
fn a_key_of_another_certificate_is_a_mismatch_that_names_both_public_keys() {
    let keys = Keys::new();
    let certificate = version_1(&keys);
    let own = PrivateKey::from_pem(&keys.read("p256"), None).unwrap();
    let authority = certificates_from_pem(&keys.read("ca.crt")).unwrap().remove(0);
    // The leaf is the one that the key belongs to, wherever it stands.
    let credential = Credential::new(vec![authority, certificate.clone()], own).unwrap();
    assert_eq!(credential.leaf(), &certificate);
    assert_eq!(credential.chain().len(), 2);
    for other in ["rsa", "p384", "ed25519"] {
        let key = PrivateKey::from_pem(&keys.read(other), None).unwrap();
        let error = Credential::new(vec![certificate.clone()], key).unwrap_err();
        let CredentialError::KeyMismatch { certificate_spki, key_spki } = &error else { panic!("{error}") };
        assert_eq!(*certificate_spki, certificate.identity().spki_sha256());
        assert!(error.to_string().starts_with("key values mismatch"), "{error}");
        assert!(error.to_string().contains(&key_spki.to_string()), "{error}");
    }
}

#[test]
fn attributes_that_share_a_set_are_joined_by_a_plus() {
    let keys = Keys::new();
    keys.openssl(
        "req -new -x509 -key p256 -multivalue-rdn -out joined.crt -subj /CN=analyst+OU=Data/O=Acme/UID=7",
    );
    let certificate = certificates_from_pem(&keys.read("joined.crt")).unwrap().remove(0);
    assert_eq!(certificate.identity().subject().to_string(), "OU=Data+CN=analyst,O=Acme,UID=7");
    assert_eq!(certificate.identity().common_name().one(), Some("analyst"));
    assert_eq!(certificate.identity().organizational_units(), ["Data"]);
}
