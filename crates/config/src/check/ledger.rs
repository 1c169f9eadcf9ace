//! Where the ledger is kept, and that the way to it is protected.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use wire::libpq::{DatabaseUri, HERE, WrongUri};

use crate::plan::{AuthorityPlan, LedgerPlan, PostgresPlan, SslMode};
use crate::reader::{At, Reader};
use crate::scalar::{Scalar, Wrong};
use crate::section::top::Ledger;
use crate::sources::{LEDGER_CERT, LEDGER_KEY, LEDGER_ROOT, Outside, Sources};
use crate::table::Table;

/// The ledger, where one is written; an authority needs one.
pub(super) fn plan(
    reader: &mut Reader<'_>,
    sources: &Sources,
    written: Option<At<Ledger>>,
    authority: Option<&At<Option<AuthorityPlan>>>,
) -> Option<LedgerPlan> {
    let Some(written) = written else {
        if let Some(authority) = authority {
            let remedy = "write ledger: { url: \"sqlite:./state/ledger.db\" }";
            reader.refuse(authority, "config: authority needs a ledger to record what it issues", remedy);
        }
        return None;
    };
    let Some(url) = &written.value.url else {
        if written.value.lacks(&written.value.url, "url") {
            reader.refuse(&written, "config: ledger needs a url", "write url: \"sqlite:./state/ledger.db\"");
        }
        return None;
    };
    if url.value.starts_with("postgresql:") || url.value.starts_with("postgres:") {
        return database(reader, sources, url).map(LedgerPlan::Postgres);
    }
    sqlite(reader, url)
}

/// The database that a URL names.
pub(super) fn database(reader: &mut Reader<'_>, sources: &Sources, url: &At<String>) -> Option<PostgresPlan> {
    match DatabaseUri::parse(&url.value) {
        Ok(uri) => Asked { reader, sources, url, uri: &uri }.plan(),
        Err(wrong) => {
            // The text itself is not repeated: there may be a password in it.
            reader.refuse(url, format!("ledger.url {wrong}"), remedy(&wrong));
            None
        }
    }
}

fn sqlite(reader: &mut Reader<'_>, url: &At<String>) -> Option<LedgerPlan> {
    let Some(path) = url.value.strip_prefix("sqlite:") else {
        let wrong = "is not known (want \"sqlite:\" and the path of a file, or \"postgresql://\" and where a database is)";
        reader.misread("ledger.url", url, Wrong::new(wrong));
        return None;
    };
    match Scalar::parse(path, &reader.ground) {
        Ok(path) => Some(LedgerPlan::Sqlite { path }),
        Err(wrong) => {
            reader.misread("ledger.url", url, wrong);
            None
        }
    }
}

fn remedy(wrong: &WrongUri) -> String {
    match wrong {
        WrongUri::Password => {
            "sign in with a certificate: sslcert and sslkey; on this machine PostgreSQL's peer method needs neither".into()
        }
        WrongUri::Unknown(name) => match fault::nearest(name, HERE) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the known ones are {}", HERE.join(", ")),
        },
        WrongUri::NotHere(_) => format!("leave it out; what a ledger knows is {}", HERE.join(", ")),
        WrongUri::Twice(_) => "keep one of them".into(),
        WrongUri::Hosts => "name one, or a name that leads to the one that is the primary".into(),
        WrongUri::NotOne | WrongUri::Malformed(_) | WrongUri::Percent => {
            "write it like postgresql://countersign_user@db.example.com/countersign?sslmode=verify-full".into()
        }
    }
}

/// A URI with what is around it.
struct Asked<'a, 'r> {
    reader: &'a mut Reader<'r>,
    sources: &'a Sources,
    url: &'a At<String>,
    uri: &'a DatabaseUri,
}

impl Asked<'_, '_> {
    fn plan(&mut self) -> Option<PostgresPlan> {
        let (host, user) = (self.needed("host", "HOST"), self.needed("user", "USER"));
        let hostaddr = self.parsed::<IpAddr>("hostaddr", "is no IP address");
        let port = self.parsed::<u16>("port", "is no port");
        let wait = self.parsed::<u32>("connect_timeout", "is no number of seconds");
        let sslmode = self.sslmode();
        let sslrootcert = self.path("sslrootcert", &LEDGER_ROOT);
        let credential = self.credential();
        let (host, user, sslmode) = (host?, user?, sslmode?);
        let here = is_here(&host, hostaddr.flatten());
        let protected = self.must_be_protected(here, sslmode, sslrootcert.is_some(), credential.is_some());
        protected.then_some(())?;
        Some(PostgresPlan {
            hostaddr: hostaddr?,
            port: port?.unwrap_or(5432),
            database: self.uri.get("dbname").unwrap_or(&user).to_owned(),
            // As libpq has it: whoever names authorities wants the server judged by them.
            sslmode: if sslmode == SslMode::Require && sslrootcert.is_some() {
                SslMode::VerifyCa
            } else {
                sslmode
            },
            sslrootcert,
            credential,
            application_name: self.uri.get("application_name").unwrap_or("countersign").to_owned(),
            // Left out or 0, libpq would wait for ever; a node must not. Two seconds are its least, too.
            connect_timeout: match wait?.unwrap_or(0) {
                0 => TIMEOUT,
                seconds => Duration::from_secs(u64::from(seconds).clamp(2, 600)),
            },
            host,
            user,
        })
    }

    fn needed(&mut self, name: &str, shape: &str) -> Option<String> {
        let found = self.uri.get(name).map(str::to_owned);
        if found.is_none() {
            let example =
                "write it like postgresql://countersign_user@db.example.com/countersign?sslmode=verify-full";
            self.reader.refuse(self.url, format!("ledger.url has no {name} ({shape})"), example);
        }
        found
    }

    /// The outer None: it is wrong.
    fn parsed<T: FromStr>(&mut self, name: &str, wrong: &str) -> Option<Option<T>> {
        let Some(text) = self.uri.get(name) else { return Some(None) };
        let Ok(value) = text.parse() else {
            self.reader.refuse(
                self.url,
                format!("ledger.url: {name} \"{text}\" {wrong}"),
                "correct it, or leave it out",
            );
            return None;
        };
        Some(Some(value))
    }

    /// An omission means the strictest.
    fn sslmode(&mut self) -> Option<SslMode> {
        let Some(text) = self.uri.get("sslmode") else { return Some(SslMode::VerifyFull) };
        match text {
            "prefer" | "allow" => {
                let said = format!("ledger.url: sslmode={text} falls back to plaintext without a word");
                self.reader.refuse(self.url, said, "write sslmode=verify-full");
                None
            }
            _ => match SslMode::parse(text, &self.reader.ground) {
                Ok(mode) => Some(mode),
                Err(wrong) => {
                    let said = format!("ledger.url: sslmode \"{text}\" {}", wrong.said);
                    self.reader.refuse(self.url, said, "write sslmode=verify-full");
                    None
                }
            },
        }
    }

    /// A file that the URL names, or else a variable, as with libpq's own.
    fn path(&mut self, name: &str, variable: &Outside) -> Option<PathBuf> {
        let Some(text) = self.uri.get(name) else {
            return self.reader.outside::<PathBuf>(self.sources, variable, "ledger.url").map(|at| at.value);
        };
        if name == "sslrootcert" && text == "system" {
            let said = "ledger.url: sslrootcert=system would let every public authority vouch for the server";
            self.reader.refuse(self.url, said, "name the file with the authority of your database servers");
            return None;
        }
        match PathBuf::parse(text, &self.reader.ground) {
            Ok(path) => Some(path),
            Err(wrong) => {
                self.reader.refuse(
                    self.url,
                    format!("ledger.url: {name} \"{text}\" {}", wrong.said),
                    "name a file",
                );
                None
            }
        }
    }

    fn credential(&mut self) -> Option<(PathBuf, PathBuf)> {
        let (certificate, key) = (self.path("sslcert", &LEDGER_CERT), self.path("sslkey", &LEDGER_KEY));
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                let remedy = "add sslkey=FILE to it, or set COUNTERSIGN_SSL_KEY";
                self.reader.refuse(self.url, "ledger.url: sslcert is set but sslkey is not", remedy);
                None
            }
            (None, Some(_)) => {
                let remedy = "add sslcert=FILE to it, or set COUNTERSIGN_SSL_CERT";
                self.reader.refuse(self.url, "ledger.url: sslkey is set but sslcert is not", remedy);
                None
            }
        }
    }

    /// Off this machine there is one way to do it; here the weaker ones must be written out.
    fn must_be_protected(&mut self, here: bool, sslmode: SslMode, root: bool, credential: bool) -> bool {
        let mut well = true;
        let mut refuse = |reader: &mut Reader<'_>, said: String, remedy: &str| {
            reader.refuse(self.url, said, remedy);
            well = false;
        };
        if !here && sslmode != SslMode::VerifyFull {
            let said = format!("ledger.url: sslmode={} is for a server on this machine", sslmode.as_str());
            refuse(self.reader, said, "write sslmode=verify-full");
        }
        let judged = matches!(sslmode, SslMode::VerifyFull | SslMode::VerifyCa);
        if judged && !root {
            let said = format!("ledger.url: sslmode={} needs sslrootcert", sslmode.as_str());
            refuse(self.reader, said, "add sslrootcert=FILE to it, or set COUNTERSIGN_SSL_ROOTCERT");
        }
        if !here && !credential {
            let said = "ledger.url: a server on another machine needs a client certificate".to_owned();
            refuse(
                self.reader,
                said,
                "add sslcert=FILE&sslkey=FILE to it, or set COUNTERSIGN_SSL_CERT and COUNTERSIGN_SSL_KEY",
            );
        }
        if self.uri.get("host").is_some_and(|host| host.starts_with('/')) && sslmode != SslMode::Disable {
            let said = "ledger.url: nothing is encrypted on a Unix socket".to_owned();
            refuse(self.reader, said, "write sslmode=disable, so that nobody believes otherwise");
        }
        well
    }
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &str, hostaddr: Option<IpAddr>) -> bool {
    let loopback = |address: IpAddr| address.to_canonical().is_loopback();
    match hostaddr {
        Some(address) => loopback(address),
        None => host.starts_with('/') || host == "localhost" || host.parse().is_ok_and(loopback),
    }
}

/// How long connecting may take where nobody says.
const TIMEOUT: Duration = Duration::from_secs(10);
