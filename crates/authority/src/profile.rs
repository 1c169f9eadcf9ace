use std::collections::BTreeSet;

use fault::Fault;
use identity::{KeyKind, San, Usage};
use time::Duration;

use crate::draft::reach::UNASKED;
use crate::name_rules::NameRules;
use crate::names::Names;
use crate::renewal::Renewal;
use crate::request::Request;

/// The rules for one kind of certificate: names, lifetime, usages, kinds of key.
///
/// `server`, `client` and `service` are built in. A profile may be adjusted, and is then a value like any other: an
/// authority issues by whatever profile it is handed, within what its own certificate allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: String,
    lifetime: Duration,
    usages: Vec<Usage>,
    keys: Vec<KeyKind>,
    /// The services that get certificates; none: any. Only `service` looks at it.
    registry: Option<BTreeSet<String>>,
    /// Whether certificates that end within a day say that there is nothing to ask about them.
    unasked: bool,
    /// The names that may be issued at all; none: any that the issuer may vouch for.
    rules: Option<NameRules>,
    renewal: Renewal,
}

impl Profile {
    /// Servers: extended key usage serverAuth, at least one host name or address, 90 days.
    #[must_use]
    pub fn server() -> Self {
        Self::built_in("server", vec![Usage::ServerAuth])
    }

    /// Clients: extended key usage clientAuth, a common name, 90 days.
    #[must_use]
    pub fn client() -> Self {
        Self::built_in("client", vec![Usage::ClientAuth])
    }

    /// Services that are both: serverAuth and clientAuth, `CN=NAME,O=ENVIRONMENT,OU=countersign-internal` and the
    /// name as a host name, 90 days.
    #[must_use]
    pub fn service() -> Self {
        Self::built_in(SERVICE, vec![Usage::ServerAuth, Usage::ClientAuth])
    }

    /// The built-in profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::server(), Self::client(), Self::service()].into_iter().find(|profile| profile.name == name)
    }

    fn built_in(name: &str, usages: Vec<Usage>) -> Self {
        let keys = vec![KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(2048)];
        Self {
            name: name.to_owned(),
            lifetime: LIFETIME,
            usages,
            keys,
            registry: None,
            rules: None,
            renewal: Renewal::default(),
            unasked: true,
        }
    }

    /// A profile of the operator's own, with the lifetime and the kinds of key of the built-in ones.
    ///
    /// # Errors
    /// As [`with_usages`](Self::with_usages).
    pub fn new(name: impl Into<String>, usages: Vec<Usage>) -> Result<Self, Fault> {
        Self::built_in(&name.into(), Vec::new()).with_usages(usages)
    }

    /// Another lifetime.
    ///
    /// # Errors
    /// Where it is shorter than a minute.
    pub fn with_lifetime(mut self, lifetime: Duration) -> Result<Self, Fault> {
        check_lifetime(lifetime)?;
        self.lifetime = lifetime;
        Ok(self)
    }

    /// Other usages.
    ///
    /// # Errors
    /// Where there are none, or any but server and client.
    pub fn with_usages(mut self, usages: Vec<Usage>) -> Result<Self, Fault> {
        let known = |usage: &Usage| matches!(usage, Usage::ServerAuth | Usage::ClientAuth);
        if usages.is_empty() || !usages.iter().all(known) {
            return Err(Fault::yours(format!(
                "the profile \"{}\" has usages that are not issued",
                self.name
            ))
            .remedy("use server, client, or both"));
        }
        self.usages = usages;
        Ok(self)
    }

    /// Other kinds of key; the size of an RSA kind is the least that is accepted.
    ///
    /// # Errors
    /// Where there are none.
    pub fn with_keys(mut self, keys: Vec<KeyKind>) -> Result<Self, Fault> {
        if keys.is_empty() {
            return Err(Fault::yours(format!("the profile \"{}\" accepts no kind of key", self.name))
                .remedy("list at least one: ecdsa-p256, ecdsa-p384, ed25519, rsa-2048"));
        }
        self.keys = keys;
        Ok(self)
    }

    /// A registry: the profile `service` then certifies these services and no others.
    #[must_use]
    pub fn with_registry(mut self, services: impl IntoIterator<Item = String>) -> Self {
        self.registry = Some(services.into_iter().collect());
        self
    }

    /// Whether certificates that end within a day say that nobody need ask whether they were revoked (RFC 9608); they do
    /// where nothing else is said. A longer one always says where to ask.
    #[must_use]
    pub fn with_no_rev_avail(mut self, unasked: bool) -> Self {
        self.unasked = unasked;
        self
    }

    /// Whether a certificate with this long to live says that there is nothing to ask about it.
    pub(crate) fn leaves_unasked(&self, life: Duration) -> bool {
        self.unasked && life < UNASKED
    }

    /// Rules for names: what they do not allow is not issued, whoever asks.
    #[must_use]
    pub fn with_names(mut self, rules: NameRules) -> Self {
        self.rules = Some(rules);
        self
    }

    /// Other times at which its certificates are renewed.
    #[must_use]
    pub fn with_renewal(mut self, renewal: Renewal) -> Self {
        self.renewal = renewal;
        self
    }

    /// When its certificates are renewed.
    #[must_use]
    pub fn renewal(&self) -> &Renewal {
        &self.renewal
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long a certificate of it lasts where the request does not say.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The extended key usages that its certificates carry.
    #[must_use]
    pub fn usages(&self) -> &[Usage] {
        &self.usages
    }

    /// The kind of key to make where the one who asks leaves it open.
    #[must_use]
    pub fn preferred_key(&self) -> KeyKind {
        self.keys.first().copied().unwrap_or(KeyKind::EcdsaP256)
    }

    /// The names that a certificate for this request carries under this profile.
    pub(crate) fn names_for(&self, request: &Request, environment: Option<&str>) -> Result<Names, Fault> {
        self.check_key(request)?;
        let mut names = request.names().clone();
        if let Some(environment) = environment {
            names.organization = Some(environment.to_owned());
        }
        let unit = names.organizational_unit.as_deref();
        if self.name == SERVICE {
            self.complete_service(&mut names)?;
        } else if unit.is_some_and(|unit| unit.eq_ignore_ascii_case(INTERNAL)) {
            return Err(self
                .refuses(format!("the organizational unit {INTERNAL} is that of services"))
                .remedy("leave it out, or issue with --profile service"));
        } else if self.usages.contains(&Usage::ServerAuth) {
            self.complete_server(&mut names)?;
        }
        if names.common_name.is_none() && self.usages.contains(&Usage::ClientAuth) {
            return Err(self.refuses("its request has no common name").remedy("name it: --cn NAME"));
        }
        names.check()?;
        self.rules.as_ref().map_or(Ok(()), |rules| rules.check(&names, &self.name))?;
        Ok(names)
    }

    fn check_key(&self, request: &Request) -> Result<(), Fault> {
        let fits = |allowed: &KeyKind| match (allowed, request.key_kind()) {
            (KeyKind::Rsa(least), KeyKind::Rsa(bits)) => bits >= *least.max(&LEAST_RSA),
            (allowed, kind) => *allowed == kind,
        };
        if self.keys.iter().any(fits) {
            return Ok(());
        }
        let allowed: Vec<String> = self.keys.iter().map(KeyKind::to_string).collect();
        Err(self
            .refuses(format!("its key is {}", request.key_kind()))
            .remedy(format!("use a key of a kind that the profile allows: {}", allowed.join(", "))))
    }

    /// Clients look at the alternative names alone, so a server whose only name is its common name would be of no
    /// use: the common name becomes one where it can.
    fn complete_server(&self, names: &mut Names) -> Result<(), Fault> {
        let host = |san: &San| matches!(san, San::Dns(_) | San::Ip(_));
        if names.sans.iter().any(host) {
            return Ok(());
        }
        match names.common_name.as_deref().map(crate::names::parse_san) {
            Some(Ok(san)) if host(&san) => {
                names.sans.insert(0, san);
                Ok(())
            }
            _ => Err(self
                .refuses("a server needs a host name or address")
                .remedy("name what clients dial: --san db.example.com")),
        }
    }

    fn complete_service(&self, names: &mut Names) -> Result<(), Fault> {
        let Some(service) = names.common_name.clone() else {
            return Err(self.refuses("its request has no common name").remedy("name the service: --cn NAME"));
        };
        self.check_registered(&service)?;
        let own = San::Dns(service);
        if !names.sans.contains(&own) {
            names.sans.insert(0, own);
        }
        names.organizational_unit = Some(INTERNAL.to_owned());
        Ok(())
    }

    fn check_registered(&self, service: &str) -> Result<(), Fault> {
        let Some(registry) = self.registry.as_ref().filter(|registry| !registry.contains(service)) else {
            return Ok(());
        };
        let remedy = match fault::nearest(service, registry.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"? Otherwise add it to authority.services"),
            None => "add it to authority.services in the configuration".to_owned(),
        };
        let shown = service.escape_debug();
        Err(Fault::yours(format!("service '{shown}' is not in the registered service registry"))
            .remedy(remedy))
    }

    fn refuses(&self, why: impl std::fmt::Display) -> Fault {
        Fault::yours(format!("the profile \"{}\" does not allow this certificate", self.name)).because(why)
    }
}

pub(crate) fn check_lifetime(lifetime: Duration) -> Result<(), Fault> {
    if lifetime >= Duration::MINUTE {
        return Ok(());
    }
    Err(Fault::yours(format!("a lifetime of {lifetime} is too short")).remedy("ask for a minute at least"))
}

const SERVICE: &str = "service";
const INTERNAL: &str = "countersign-internal";
const LIFETIME: Duration = Duration::days(90);
const LEAST_RSA: u32 = 2048;
