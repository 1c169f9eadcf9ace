//! A production with an authority whose services answer, and clients whose certificates name these.

use std::fs;

use rustls::AlertDescription;
use testkit::certificate::{self, More};
use testkit::revocation::List;
use testkit::services::{Answer, Services};
use testkit::wire::No;
use testkit::{Client, Node, World, openssl};

use crate::production::{Production, replaced};

pub(super) struct Town {
    pub(super) production: Production,
    pub(super) services: Services,
}

impl Town {
    pub(super) fn new() -> Self {
        Self { production: Production::new(), services: Services::start() }
    }

    pub(super) fn world(&self) -> &World {
        &self.production.world
    }

    /// A client certificate `NAME.crt` of the analyst, signed by `CA`, with these lines of extensions.
    pub(super) fn client(&self, ca: &str, name: &str, extensions: &str) {
        let extensions = format!("extendedKeyUsage = clientAuth\n{extensions}\n");
        certificate::leaf(self.world(), ca, name, "/CN=analyst", &extensions, &More::default());
    }

    /// An authority `NAME.crt` below the clients' authority, with these lines of extensions.
    pub(super) fn intermediate(&self, name: &str, extensions: &str) {
        let extensions = format!(
            "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n\
             subjectKeyIdentifier = hash\n{extensions}\n"
        );
        let subject = format!("/CN={name}");
        certificate::leaf(self.world(), "client-ca", name, &subject, &extensions, &More::default());
    }

    /// Sends `CA.crt` along with `NAME.crt`.
    pub(super) fn bring(&self, name: &str, ca: &str) {
        let world = self.world();
        world.write(
            format!("{name}.crt"),
            world.read(format!("{name}.crt")) + &world.read(format!("{ca}.crt")),
        );
    }

    /// The extension that names lists at these paths.
    pub(super) fn lists_at(&self, paths: &[&str]) -> String {
        let points: Vec<_> = paths.iter().map(|path| format!("URI:{}", self.services.url(path))).collect();
        format!("crlDistributionPoints = {}", points.join(", "))
    }

    /// The extension that names responders at these paths.
    pub(super) fn responders_at(&self, paths: &[&str]) -> String {
        let points: Vec<_> =
            paths.iter().map(|path| format!("OCSP;URI:{}", self.services.url(path))).collect();
        format!("authorityInfoAccess = {}", points.join(", "))
    }

    /// Publishes a list at a path, in DER.
    pub(super) fn publish(&self, path: &str, list: &List<'_>) {
        self.services.set(path, Answer::File(self.der(list)));
    }

    pub(super) fn der(&self, list: &List<'_>) -> Vec<u8> {
        list.write("made.pem");
        self.world().sh("openssl crl -in made.pem -outform DER -out made.der");
        fs::read(self.world().path("made.der")).expect("a list of openssl")
    }

    pub(super) fn serial(&self, name: &str) -> String {
        openssl::serial(self.world(), &format!("{name}.crt"))
    }

    /// The production's configuration with this as `verification`; addresses of this machine may be asked.
    pub(super) fn written(&self, verification: &str) -> String {
        let asked = format!("verification: {{ allow_private_addresses: true, {verification} }}");
        self.written_exactly(&asked)
    }

    /// The production's configuration with this as `revocation`.
    pub(super) fn written_exactly(&self, revocation: &str) -> String {
        let yaml = self.production.written();
        replaced(&yaml, "tls:\n  prod:\n", &format!("tls:\n  prod:\n    revocation: {{ {revocation} }}\n"))
    }

    pub(super) fn serve(&self, verification: &str) -> Node {
        self.production.serve_written(&self.written(verification))
    }

    /// Whether the node lets `NAME.crt` in, or the code of its refusal, whether that came as an alert or as an answer.
    pub(super) fn knock(&self, node: &Node, name: &str) -> Result<(), String> {
        let client = Client::new().presenting(self.world(), name);
        let code = |no: No| match no {
            No::Alert(AlertDescription::CertificateRevoked) => "certificate-revoked".to_owned(),
            No::Alert(AlertDescription::CertificateUnknown) => "revocation-unknown".to_owned(),
            other => panic!("an odd refusal: {other:?}\n{node}"),
        };
        let mut wire = client.connect(node).map_err(code)?;
        let ask = b"GET /_auth/whoami HTTP/1.1\r\nhost: db.example.com\r\nconnection: close\r\n\r\n";
        let answer = wire.try_send(ask).and_then(|()| wire.try_answer()).map_err(code)?;
        let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        match answer.status {
            200 => Ok(()),
            _ => Err(body["error"]["code"].as_str().unwrap_or_default().to_owned()),
        }
    }
}

pub(super) fn revoked() -> Result<(), String> {
    Err("certificate-revoked".to_owned())
}

pub(super) fn unknown() -> Result<(), String> {
    Err("revocation-unknown".to_owned())
}
