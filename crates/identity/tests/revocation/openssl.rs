//! An authority that openssl keeps in a folder.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use identity::{Certificate, certificates_from_pem};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

const CONFIG: &str = "
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 10
default_crl_days = 1
policy = any
unique_subject = no
crl_extensions = list
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[leaf]
authorityKeyIdentifier = keyid
extendedKeyUsage = clientAuth
crlDistributionPoints = URI:http://crl.example/ca.crl
authorityInfoAccess = OCSP;URI:http://ocsp.example/,caIssuers;URI:http://crl.example/ca.pem
[responder]
extendedKeyUsage = OCSPSigning
noCheck = ignored
[list]
authorityKeyIdentifier = keyid
[partitioned]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@point
[point]
fullname = URI:http://crl.example/ca.crl
onlyuser = TRUE
[elsewhere]
issuingDistributionPoint = critical,@other_point
[other_point]
fullname = URI:http://crl.example/other.crl
[indirect]
issuingDistributionPoint = critical,@indirect_point
[indirect_point]
indirectCRL = TRUE
[reasons]
issuingDistributionPoint = critical,@reasons_point
[reasons_point]
onlysomereasons = keyCompromise
[authorities]
issuingDistributionPoint = critical,@authorities_point
[authorities_point]
onlyCA = TRUE
[delta]
deltaCRL = critical,ASN1:INTEGER:1
[foreign]
1.2.3.4 = critical,ASN1:NULL
";

pub(crate) struct Authority {
    folder: TempDir,
}

impl Authority {
    /// With a key of this `openssl req -newkey` kind.
    pub(crate) fn new(key: &[&str]) -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        authority.put("config", CONFIG.as_bytes());
        authority.put("index.txt", b"");
        authority.put("serial", b"8000000000000000000000000000000000000001\n");
        authority.put("crlnumber", b"1000\n");
        let make = ["req", "-x509", "-nodes", "-config", "config", "-extensions", "root", "-days", "30"];
        authority.run(
            &[&make[..], key, &["-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem"]].concat(),
        );
        authority
    }

    pub(crate) fn ecdsa() -> Self {
        Self::new(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::File::create(self.path(name)).and_then(|mut file| file.write_all(bytes)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Runs openssl in the folder; gives what it said.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let (succeeded, said) = self.try_run(args);
        assert!(succeeded, "openssl {args:?}: {said}");
        said
    }

    pub(crate) fn try_run(&self, args: &[&str]) -> (bool, String) {
        let ran = Command::new("openssl").args(args).current_dir(self.folder.path()).output().unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        (ran.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Issues a certificate with the extensions of this section.
    pub(crate) fn issue(&self, name: &str, section: &str) -> Certificate {
        let [key, request, file] = ["key", "csr", "pem"].map(|ending| format!("{name}.{ending}"));
        let subject = format!("/CN={name}");
        let new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let make = ["req", "-config", "config", "-subj", &subject, "-keyout", &key, "-out", &request];
        self.run(&[&make[..], &new].concat());
        let sign = ["ca", "-config", "config", "-batch", "-notext", "-extensions", section];
        self.run(&[&sign[..], &["-in", &request, "-out", &file]].concat());
        self.certificate(name)
    }

    pub(crate) fn certificate(&self, name: &str) -> Certificate {
        certificates_from_pem(&self.read(&format!("{name}.pem"))).unwrap().remove(0)
    }

    pub(crate) fn revoke(&self, name: &str, reason: &str) {
        let file = format!("{name}.pem");
        self.run(&["ca", "-config", "config", "-revoke", &file, "-crl_reason", reason]);
    }

    /// The list now, in PEM, with the extensions of this section.
    pub(crate) fn list(&self, section: &str, args: &[&str]) -> Vec<u8> {
        let make = ["ca", "-config", "config", "-gencrl", "-crlexts", section, "-out", "ca.crl"];
        self.run(&[&make[..], args].concat());
        self.read("ca.crl")
    }

    /// A moment when everything that was made here is valid, and was not made in the future.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.certificate("ca").identity().not_before() + Duration::minutes(1)
    }
}
