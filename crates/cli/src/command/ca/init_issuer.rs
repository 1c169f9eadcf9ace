use std::path::PathBuf;

use authority::{Authority, Distribution, IssuerKind, Standing, Tier, to_pem};
use clap::Args;
use config::Overrides;
use fault::{Fault, Faults};
use time::{Duration, OffsetDateTime};

use super::{TierArgs, must_be_new};
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{for_new_authority, key_pem, on_record, plan};
use crate::shown::moment::moment;

/// Make an issuer below a root: the authority that a server may hold, for one kind of certificate.
///
/// Its own certificate limits it to that kind and to leaves. Writes pki/issuers/KIND.crt and .key (mode 0600), and
/// pki/KIND-ca.crt, which is what the other side trusts. Nothing that exists is overwritten.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca init-issuer --root ./realm --kind server
  countersign ca init-issuer --root ./realm --root-key /media/usb/root.key --kind client
  countersign ca init-issuer --root ./realm --kind service --service backend --service worker")]
pub(crate) struct InitIssuer {
    /// The folder that holds pki/root.crt, as `ca init-root` made it.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    root: PathBuf,
    /// The root's key; otherwise offline/root.key below that folder.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// The file that holds the password of the root's key.
    #[arg(long, value_name = "FILE")]
    root_key_password_file: Option<PathBuf>,
    /// What it issues: server, client, service.
    #[arg(long, value_parser = kind)]
    kind: IssuerKind,
    /// How many days it is valid; never longer than its root.
    #[arg(long, value_name = "N", default_value_t = 730)]
    days: u32,
    /// Where the root's list, responder and certificate will be published (authority.distribution_url), for the issuer's own
    /// certificate to say.
    #[arg(long, value_name = "URL", value_parser = distribution)]
    distribution_url: Option<Distribution>,
    /// For the kind service: a service that it may certify, and no other than those that are named. Otherwise those of
    /// authority.services in the folder's countersign.yaml.
    #[arg(long = "service", value_name = "NAME")]
    services: Vec<String>,
    #[command(flatten)]
    tier: TierArgs,
}

impl InitIssuer {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let pki = self.root.join("pki");
        let [cert, key] = ["crt", "key"].map(|ending| pki.join(format!("issuers/{}.{ending}", self.kind)));
        let trusted = pki.join(format!("{}-ca.crt", self.kind));
        must_be_new([&cert, &key, &trusted])?;
        let now = console.now();
        let password = self.tier.key_password_file.as_deref().map(files::load_password).transpose()?;
        let root = self.root_authority(now)?.distributing(self.distribution_url.clone());
        let ledger = for_new_authority(&self.root)?;
        let ledger = ledger.as_ref();
        let permitted = self.permitted(console)?;
        let tier = Tier {
            lifetime: Duration::days(self.days.into()),
            key: self.tier.key_type,
            permitted,
            ..Tier::issuer(self.tier.environment)
        };
        let made = on_record(ledger, root.init_issuer(self.kind, &tier, ledger, now))?;
        files::create_folder(&pki.join("issuers"))?;
        files::create_secret(&key, key_pem(&made.key, password.as_ref())?.as_bytes())?;
        files::create_public(&cert, to_pem(&made.certificate).as_bytes())?;
        let trust = match self.kind {
            // Clients that accept no partial chain (libpq, Go, Java) need the root as well, and read the first of a file.
            IssuerKind::Server | IssuerKind::Service => {
                to_pem(root.certificate()) + &to_pem(&made.certificate)
            }
            IssuerKind::Client => to_pem(&made.certificate),
        };
        files::create_public(&trusted, trust.as_bytes())?;
        console.warn(&made.warnings);
        let identity = made.certificate.identity();
        console.line(format_args!("issuer {}, until {}", identity.subject(), moment(identity.not_after())));
        console.line(format_args!("  {}  the certificate", cert.display()));
        console.line(format_args!("  {}  the private key (mode 0600)", key.display()));
        console.line(format_args!("  {}  what the other side trusts", trusted.display()));
        Ok(Exit::Done)
    }

    /// The names that the issuer of services is limited to.
    fn permitted(&self, console: &mut Console) -> Result<Vec<String>, Faults> {
        match (self.kind, self.services.is_empty()) {
            (IssuerKind::Service, true) => {}
            (IssuerKind::Service, false) => return Ok(self.services.clone()),
            (IssuerKind::Server | IssuerKind::Client, true) => return Ok(Vec::new()),
            (kind @ (IssuerKind::Server | IssuerKind::Client), false) => {
                return Err(Fault::yours(format!("an issuer of the kind {kind} certifies no services"))
                    .remedy("leave --service out, or pass --kind service")
                    .into());
            }
        }
        let configuration = self.root.join("countersign.yaml");
        let registered = match configuration.is_file() {
            true => plan(Some(configuration), Overrides::default())?.0.authority,
            false => None,
        };
        let registered: Vec<String> =
            registered.into_iter().flat_map(|authority| authority.services).collect();
        if registered.is_empty() {
            let free =
                Fault::yours("the issuer is limited to no names: whoever has its key can certify any host")
                    .remedy("name the services: --service NAME, or list them in authority.services first");
            console.warn(&[free]);
        }
        Ok(registered)
    }

    /// The root, with its key, for this one use.
    fn root_authority(&self, now: OffsetDateTime) -> Result<Authority, Fault> {
        let cert = self.root.join("pki/root.crt");
        let key = self.root_key.clone().unwrap_or_else(|| self.root.join("offline/root.key"));
        let password = self.root_key_password_file.as_deref().map(files::load_password).transpose()?;
        let environment = Some(self.tier.environment.as_str());
        Authority::load(&cert, &key, password.as_ref(), Standing::ByHand, environment, now)
    }
}

fn distribution(url: &str) -> Result<Distribution, Fault> {
    Distribution::new(url)
}

fn kind(word: &str) -> Result<IssuerKind, Fault> {
    IssuerKind::parse(word).ok_or_else(|| {
        let known: Vec<&str> = IssuerKind::ALL.iter().map(|kind| kind.as_str()).collect();
        Fault::yours(format!("no issuer is of the kind \"{word}\"")).remedy(known.join(", "))
    })
}
