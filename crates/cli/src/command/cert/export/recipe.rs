use std::path::Path;

use authority::to_pem;
use clap::ValueEnum;
use fault::Fault;
use identity::{Certificate, Credential, Secret};
use zeroize::Zeroizing;

use super::pkcs12::{password, pkcs12};

/// Which client files are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Recipe {
    /// psql and everything else on libpq.
    Libpq,
    /// PostgreSQL's JDBC driver, and Java key stores.
    Jdbc,
    /// Node.js: https, tls, pg.
    Node,
    /// Python: ssl, psycopg, requests, httpx.
    Python,
    /// Go: crypto/tls.
    Go,
    /// redis-cli and Redis clients.
    Redis,
    /// nginx as the client of an upstream.
    Nginx,
    /// Firefox, Chrome, Safari, the system's key store.
    Browser,
}

/// What is to be handed over.
pub(super) struct Parcel<'a> {
    pub(super) name: &'a str,
    pub(super) credential: &'a Credential,
    pub(super) trusted: &'a [Certificate],
    pub(super) password: Option<Secret>,
}

/// A file to write.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) content: Zeroizing<Vec<u8>>,
    pub(super) secret: bool,
    pub(super) note: &'static str,
}

/// Files that somebody else keeps, and replaces.
#[derive(Clone, Copy)]
pub(super) struct Live<'a> {
    pub(super) cert: &'a Path,
    pub(super) key: &'a Path,
    pub(super) cacert: &'a Path,
}

/// What a connection string speaks of.
pub(super) struct At<'a> {
    pub(super) folder: &'a Path,
    /// Files that are used where they are, in the place of those in the folder.
    pub(super) live: Option<Live<'a>>,
    pub(super) name: &'a str,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) database: &'a str,
}

impl Recipe {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Libpq => "libpq",
            Self::Jdbc => "jdbc",
            Self::Node => "node",
            Self::Python => "python",
            Self::Go => "go",
            Self::Redis => "redis",
            Self::Nginx => "nginx",
            Self::Browser => "browser",
        }
    }

    /// Whether it reads the files as they are kept.
    pub(super) fn reads_pem(self) -> bool {
        !matches!(self, Self::Jdbc | Self::Browser)
    }

    /// The files that this client wants.
    pub(super) fn pack(self, parcel: &Parcel<'_>) -> Result<Vec<Written>, Fault> {
        let mut written = match self {
            Self::Libpq => parcel.pem("postgresql")?,
            Self::Node | Self::Python | Self::Go | Self::Redis | Self::Nginx => parcel.pem(parcel.name)?,
            // pgjdbc takes the entry with the alias "user" and no other.
            Self::Jdbc => parcel.pkcs12("user")?,
            Self::Browser => parcel.pkcs12(parcel.name)?,
        };
        written.push(Written {
            name: if self == Self::Libpq { "root.crt" } else { "ca.crt" }.to_owned(),
            content: Zeroizing::new(pem(parcel.trusted)),
            secret: false,
            note: "the authority to trust the server by",
        });
        Ok(written)
    }
}

impl Parcel<'_> {
    fn pem(&self, stem: &str) -> Result<Vec<Written>, Fault> {
        let key = self.credential.key().to_pem();
        Ok(vec![
            Written {
                name: format!("{stem}.crt"),
                content: Zeroizing::new(pem(self.credential.chain())),
                secret: false,
                note: "the certificate and its issuer (PEM)",
            },
            Written {
                name: format!("{stem}.key"),
                content: Zeroizing::new(key.as_bytes().to_vec()),
                secret: true,
                note: "the private key (PKCS#8 PEM, mode 0600)",
            },
        ])
    }

    fn pkcs12(&self, alias: &str) -> Result<Vec<Written>, Fault> {
        let mut written = Vec::new();
        let made;
        let secret = match &self.password {
            Some(password) => password,
            None => {
                let password = password()?;
                written.push(Written {
                    name: format!("{}.password", self.name),
                    content: Zeroizing::new(format!("{}\n", *password).into_bytes()),
                    secret: true,
                    note: "its password (mode 0600)",
                });
                made = Secret::new(password.to_string());
                &made
            }
        };
        let content = pkcs12(self.credential, alias, secret)?;
        let note = "the certificate, its issuer and the private key (PKCS#12, mode 0600)";
        let file = Written {
            name: format!("{}.p12", self.name),
            content: Zeroizing::new(content),
            secret: true,
            note,
        };
        written.insert(0, file);
        Ok(written)
    }
}

fn pem(certificates: &[Certificate]) -> Vec<u8> {
    certificates.iter().map(to_pem).collect::<String>().into_bytes()
}
