//! Servers behind the door: each can be reached as it is written, and is sure of who comes.
//!
//! - [`address`]: where one is.
//! - [`identity`]: by what it knows who comes.
//! - [`roles`]: who is whom there.
//! - [`usage`]: the databases that are there, and what is granted on them.

mod address;
mod identity;
mod roles;
mod usage;

use std::collections::HashSet;
use std::time::Duration;

use fault::Fault;

use crate::plan::{AuthorityPlan, UpstreamAddress, UpstreamPlan, UpstreamSslMode, WarmPlan};
use crate::reader::{At, Reader, placed};
use crate::section::secret::SecretSource;
use crate::section::service::{Postgres, Service};
use crate::table::Table;

pub(super) use usage::{check_grants, check_use, refuse_unknown};

/// What the services are checked beside.
pub(super) struct Beside<'a> {
    pub(super) secrets: &'a [At<SecretSource>],
    pub(super) authority: Option<&'a AuthorityPlan>,
}

/// The servers behind the door; what is wrong with them is noted.
pub(super) fn plans(
    reader: &mut Reader<'_>,
    written: &[At<Service>],
    beside: &Beside<'_>,
) -> Vec<UpstreamPlan> {
    let mut names = HashSet::new();
    let mut plans = Vec::new();
    for (n, service) in written.iter().enumerate() {
        let Some(name) = &service.value.name else {
            if service.value.lacks(&service.value.name, "name") {
                let said = format!("config: services[{n}] needs a name");
                reader.refuse(service, said, "write name: and a word of your own");
            }
            continue;
        };
        if !names.insert(name.value.as_str()) {
            let said = format!("config: duplicate service {:?}", name.value);
            reader.refuse(name, said, "give each its own name");
        }
        match &service.value.postgres {
            Some(postgres) => plans.extend(Asked { reader, name, at: postgres, beside }.plan()),
            None if service.value.lacks(&service.value.postgres, "postgres") => {
                let said = format!("config: service {:?} does not say what it is", name.value);
                reader.refuse(name, said, "write postgres: { address: HOST:PORT, database: NAME }");
            }
            None => {}
        }
    }
    plans
}

/// A PostgreSQL as it is written, with what is around it.
struct Asked<'a, 'r> {
    reader: &'a mut Reader<'r>,
    name: &'a At<String>,
    at: &'a At<Postgres>,
    beside: &'a Beside<'a>,
}

impl Asked<'_, '_> {
    fn plan(&mut self) -> Option<UpstreamPlan> {
        let written = &self.at.value;
        let (address, database) = (self.address(), self.database());
        let sslmode = written.sslmode.value;
        self.protection(address.as_ref());
        let (identity, roles) = (self.identity(address.as_ref()), self.roles());
        self.bounds();
        let path = |at: &Option<At<std::path::PathBuf>>| at.as_ref().map(|at| at.value.clone());
        let plan = UpstreamPlan {
            name: self.name.value.clone(),
            address: address?,
            database: database?,
            sslmode,
            ssl_rootcert: path(&written.ssl_rootcert),
            ssl_crl: path(&written.ssl_crl),
            identity: identity?,
            roles: roles?,
            connect_timeout: written.connect_timeout.value,
            max_connections: written.max_connections.value,
            max_connections_per_principal: written.max_connections_per_principal.value,
            warm: self.warm(),
        };
        self.warn_of_strangers(&plan);
        Some(plan)
    }

    /// How it is called in a fault.
    fn called(&self, key: &str) -> String {
        format!("service {:?}: {key}", self.name.value)
    }

    fn refuse<T>(&mut self, at: &At<T>, said: &str, remedy: &str) {
        let said = format!("config: {}", self.called(said));
        self.reader.refuse(at, said, remedy);
    }

    fn address(&mut self) -> Option<UpstreamAddress> {
        let written = &self.at.value;
        let Some(address) = &written.address else {
            if written.lacks(&written.address, "address") {
                self.refuse(self.at, "it has no address", "write address: HOST:PORT, such as 10.0.0.5:5432");
            }
            return None;
        };
        let found = address::parse(&address.value);
        if found.is_none() {
            let said =
                format!("the address {:?} is neither HOST:PORT nor the folder of a socket", address.value);
            self.refuse(address, &said, "write it like 10.0.0.5:5432, [::1]:5432 or /var/run/postgresql");
        }
        found
    }

    fn database(&mut self) -> Option<String> {
        let written = &self.at.value;
        let Some(database) = &written.database else {
            if written.lacks(&written.database, "database") {
                self.refuse(self.at, "it has no database", "write database: and the name that it has there");
            }
            return None;
        };
        self.is_a_name("database", database).then(|| database.value.clone())
    }

    /// What the server would cut off is the name of something else.
    fn is_a_name(&mut self, key: &str, at: &At<String>) -> bool {
        let well =
            !at.value.is_empty() && at.value.len() <= LONGEST_NAME && !at.value.chars().any(char::is_control);
        if !well {
            let said = format!("{key} {:?} is no name in a PostgreSQL (1 to {LONGEST_NAME} bytes)", at.value);
            self.refuse(at, &said, "write the name as the server's own \\du or \\l shows it");
        }
        well
    }

    /// libpq's modes, and what each needs; what would protect nothing is no protection to be written.
    fn protection(&mut self, address: Option<&UpstreamAddress>) {
        let written = &self.at.value;
        let mode = &written.sslmode;
        if written.unread().contains(&"sslmode") {
            return;
        }
        let word = mode.value.as_str();
        let at = if mode.place.is_some() { mode.place.clone() } else { self.name.place.clone() };
        let mode_at = At { value: (), place: at };
        if matches!(address, Some(UpstreamAddress::Unix(_))) {
            if mode.value != UpstreamSslMode::Disable {
                let said = format!("sslmode {word} for a Unix socket, on which nothing is encrypted");
                self.refuse(&mode_at, &said, "write sslmode: disable, so that nobody believes otherwise");
            }
        } else if matches!(mode.value, UpstreamSslMode::VerifyCa | UpstreamSslMode::VerifyFull)
            && written.lacks(&written.ssl_rootcert, "ssl_rootcert")
        {
            let said = format!("sslmode {word} needs ssl_rootcert");
            self.refuse(
                &mode_at,
                &said,
                "write ssl_rootcert: and the file with the authority of your database servers",
            );
        }
        let falls_back = mode.value.falls_back();
        if let Some(root) = written.ssl_rootcert.as_ref().filter(|_| falls_back) {
            let said = format!("ssl_rootcert judges nobody with sslmode {word}");
            self.refuse(root, &said, "write sslmode: verify-full, or leave ssl_rootcert out");
        }
        if let Some(crl) =
            written.ssl_crl.as_ref().filter(|_| written.lacks(&written.ssl_rootcert, "ssl_rootcert"))
        {
            self.refuse(
                crl,
                "ssl_crl takes back what nobody vouched for: there is no ssl_rootcert",
                "write ssl_rootcert",
            );
        }
    }

    fn bounds(&mut self) {
        let written = &self.at.value;
        if written.connect_timeout.value.is_zero() || written.connect_timeout.value > LONGEST_WAIT {
            let remedy = "write connect_timeout: 5s";
            self.refuse(
                &written.connect_timeout,
                "connect_timeout must be more than nothing and at most 5m",
                remedy,
            );
        }
        let Some(warm) = &written.warm else { return };
        if !written.keep_warm.value {
            self.refuse(
                warm,
                "warm is written and nothing is kept warm",
                "write keep_warm: true, or leave warm out",
            );
        }
        if warm.value.most.value == 0 || warm.value.idle.value.is_zero() {
            self.refuse(warm, "warm keeps nothing", "write keep_warm: false to keep none");
        }
    }

    fn warm(&self) -> Option<WarmPlan> {
        let written = &self.at.value;
        let kept = written.warm.as_ref().map(|at| (at.value.most.value, at.value.idle.value));
        let (most, idle) = kept.unwrap_or((MOST_WARM, WARM_FOR));
        written.keep_warm.value.then_some(WarmPlan { most, idle })
    }

    /// Off this machine, a server that nobody vouches for may be anybody.
    fn warn_of_strangers(&mut self, plan: &UpstreamPlan) {
        if plan.is_sure() {
            return;
        }
        let (name, address, mode) = (&plan.name, &plan.address, plan.sslmode.as_str());
        let said = match plan.sslmode {
            UpstreamSslMode::Require => format!(
                "service {name:?}: sslmode {mode} encrypts to whoever answers at {address}: nobody vouches for the server"
            ),
            _ => format!(
                "service {name:?}: sslmode {mode} may send everything in clear text to {address}, and nobody vouches for the server"
            ),
        };
        let place = self.at.value.sslmode.place.as_ref();
        let remedy = "write sslmode: verify-full, with ssl_rootcert";
        self.reader.warnings.push(placed(Fault::yours(said).remedy(remedy), place));
    }
}

/// Longer names are cut off by the server, without a word.
const LONGEST_NAME: usize = 63;
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The defaults of `services[].postgres.warm`, where the table is not written.
const MOST_WARM: u64 = 20;
const WARM_FOR: Duration = Duration::from_secs(60);
