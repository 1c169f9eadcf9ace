mod pkcs12;
mod recipe;
mod service;
mod usage;

use std::path::{Path, PathBuf};

use clap::Args;
use fault::{Fault, Faults};
use identity::Secret;

use self::recipe::{Recipe, Written};
use crate::console::Console;
use crate::exit::Exit;

/// Write a certificate and its key as a client wants them, and print how to connect.
///
/// Every file gets the format, name and mode that the client expects; keys are written with mode 0600.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert export analyst --for libpq --host db.example.com
  countersign cert export analyst --for browser --out ~/Downloads
  countersign cert export --service backend --for libpq --host db.example.com --cacert db-ca.crt
  countersign cert export ./analyst.crt --key ./analyst.key --cacert ./server-ca.crt --for go")]
pub(crate) struct Export {
    /// A client of the realm, by name, or a certificate file.
    #[arg(value_name = "NAME|FILE", required_unless_present = "service", conflicts_with = "service")]
    certificate: Option<String>,
    /// A registered service of the realm, whose certificate is used where the node keeps it, rotated with it: only the
    /// lines to connect are printed. With --out a copy is written, which no rotation reaches.
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    service: Option<String>,
    /// The client it is for.
    #[arg(long = "for", value_enum, value_name = "CLIENT")]
    client: Recipe,
    /// The private key, where a certificate file is named; otherwise the file beside it that ends in .key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The authority that the client is to trust servers by; otherwise the realm's.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// The realm.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
    /// The folder to write to; otherwise ./NAME-CLIENT.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The host that the printed connection string names.
    #[arg(long, default_value = "localhost")]
    host: String,
    /// The port that the printed connection string names; otherwise the usual one.
    #[arg(long)]
    port: Option<u16>,
    /// The database that the printed connection string names.
    #[arg(long, default_value = "app")]
    database: String,
    /// The file that holds the password of a PKCS#12 file; otherwise one is made and written beside it.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

impl Export {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (cert, key) = match &self.service {
            Some(service) => service::credential_files(&self.realm, service, console.now())?,
            None => self.credential_files()?,
        };
        let password = std::env::var("COUNTERSIGN_SSL_KEY_PASSWORD").ok().map(Secret::new);
        let (credential, warnings) = files::load_credential(&cert, &key, password.as_ref(), console.now())?;
        console.warn(&warnings);
        let cacert = self.cacert.clone().unwrap_or_else(|| {
            let of_the_realm =
                if self.service.is_some() { "pki/service-ca.crt" } else { "pki/server-ca.crt" };
            self.realm.join(of_the_realm)
        });
        let trusted = files::load_certificates(&cacert)?;
        let of_file = || cert.file_stem().and_then(|stem| stem.to_str()).unwrap_or("client").to_owned();
        let name = self.service.clone().unwrap_or_else(of_file);
        let live = recipe::Live { cert: &cert, key: &key, cacert: &cacert };
        if self.service.is_some() && self.out.is_none() && self.client.reads_pem() {
            let at = recipe::At { live: Some(live), ..self.at(Path::new(""), &name) };
            console.line(self.client.usage(&at));
            return Ok(Exit::Done);
        }
        let folder =
            self.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}-{}", self.client.as_str())));
        let password = match &self.password_file {
            Some(path) => Some(files::load_password(path)?),
            None => None,
        };
        let parcel = recipe::Parcel { name: &name, credential: &credential, trusted: &trusted, password };
        let written = self.client.pack(&parcel)?;
        let paths = self.write(&folder, &written)?;
        for (path, note) in paths.iter().zip(written.iter().map(|file| file.note)) {
            console.line(format_args!("{}  {note}", path.display()));
        }
        console.line(format_args!("\n{}", self.client.usage(&self.at(&folder, &name))));
        Ok(Exit::Done)
    }

    fn at<'a>(&'a self, folder: &'a Path, name: &'a str) -> recipe::At<'a> {
        let (host, port, database) = (&self.host, self.port, &self.database);
        recipe::At { folder, name, live: None, host, port, database }
    }

    fn credential_files(&self) -> Result<(PathBuf, PathBuf), Fault> {
        let name = self.certificate.as_deref().unwrap_or_default();
        let named = Path::new(name);
        let cert = if named.is_file() {
            named.to_owned()
        } else {
            self.realm.join("clients").join(format!("{name}.crt"))
        };
        if !cert.is_file() {
            return Err(Fault::yours(format!("no certificate \"{name}\""))
                .because(format!("neither that file nor {} exists", cert.display()))
                .remedy(format!("countersign cert issue --cn {name}")));
        }
        let key = self.key.clone().unwrap_or_else(|| cert.with_extension("key"));
        Ok((cert, key))
    }

    fn write(&self, folder: &Path, written: &[Written]) -> Result<Vec<PathBuf>, Faults> {
        files::create_folder(folder)?;
        let paths: Vec<PathBuf> = written.iter().map(|file| folder.join(&file.name)).collect();
        let mut faults = Faults::new();
        for path in paths.iter().filter(|path| !self.force && path.exists()) {
            faults.push(
                Fault::yours("the file exists")
                    .in_file(path)
                    .remedy("pass --force to replace it, or --out DIR"),
            );
        }
        faults.or(())?;
        for (path, file) in paths.iter().zip(written) {
            match file.secret {
                true => files::replace_secret(path, &file.content)?,
                false => files::write_public(path, &file.content)?,
            }
        }
        Ok(paths)
    }
}
