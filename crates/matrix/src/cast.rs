//! Who comes to the door: a certificate for every case and stage.

use std::collections::HashMap;

use access::{Method, MtlsMatch, PrincipalSpec};
use config::Plan;
use fault::Fault;
use rcgen::KeyPair;
use time::{Duration, OffsetDateTime};

use crate::case::{Case, Source};
use crate::moment::{Moment, Stage, Way};
use crate::names::{Facts, Names, Parties, Whose};
use crate::stand_in::{Leaf, Point, Purpose, Shape, StandIn, key};

/// The stand-in authorities, and all that comes of them.
pub(crate) struct Cast {
    pub(crate) root: StandIn,
    pub(crate) server: StandIn,
    first: StandIn,
    second: StandIn,
    point: Option<Point>,
    leaves: HashMap<(Case, Stage), Leaf>,
    part: Part,
    principals: Vec<PrincipalSpec>,
    by_common_name: bool,
}

/// Whom the flawed certificates would be, if nobody noticed the flaw.
struct Part {
    names: Names,
    /// Where in the configuration's principals it stands: the principal and its entry.
    place: Option<(usize, usize)>,
    key: KeyPair,
}

impl Cast {
    /// Makes everything for a configuration.
    pub(crate) fn of(plan: &Plan, sources: &[Source], now: OffsetDateTime) -> Result<Self, Fault> {
        let root = StandIn::root("countersign matrix root", now)?;
        let server = root.issuer("countersign matrix server CA", Purpose::Servers, now)?;
        let first = root.issuer("countersign matrix client CA", Purpose::Clients, now)?;
        let second = root.issuer("countersign matrix second client CA", Purpose::Clients, now)?;
        let part = Part::of(plan)?;
        let point = sources.contains(&Source::Fetched).then(Point::open).transpose()?;
        let principals = plan.principals.clone();
        let by_common_name = plan.env_only;
        let leaves = HashMap::new();
        let mut cast = Self { root, server, first, second, point, leaves, part, principals, by_common_name };
        for stage in Stage::ALL {
            for case in Case::all(sources) {
                if let Some(leaf) = cast.make(case, stage, now)? {
                    cast.leaves.insert((case, stage), leaf);
                }
            }
        }
        Ok(cast)
    }

    /// The authority that the listeners trust.
    pub(crate) fn trusted(&self, stage: Stage) -> &StandIn {
        match stage {
            Stage::Started | Stage::Reloaded => &self.first,
            Stage::Swapped => &self.second,
        }
    }

    /// What a client of this case presents.
    pub(crate) fn leaf(&self, case: Case, stage: Stage) -> Option<&Leaf> {
        self.leaves.get(&(case, stage))
    }

    /// What a client presents just before a moment, and is let in with: to earn a session, or to stay.
    pub(crate) fn welcome(&self, case: Case, moment: Moment) -> Option<&Leaf> {
        match (moment.way, moment.stage, case) {
            // Good until the reload: nothing of its own must outlive it.
            (_, Stage::Reloaded, Case::Revoked(_)) => self.leaf(case, Stage::Reloaded),
            (Way::Open, _, Case::NoCertificate) => None,
            _ => self.leaf(Case::Valid, Stage::Started),
        }
    }

    /// The certificates that are revoked by then according to this source, each with its issuer.
    pub(crate) fn revoked(&self, source: Source, stage: Stage) -> impl Iterator<Item = (&Leaf, &StandIn)> {
        let by_then = Stage::ALL.into_iter().filter(move |one| *one <= stage);
        by_then.filter_map(move |one| Some((self.leaf(Case::Revoked(source), one)?, self.trusted(one))))
    }

    /// The principals as the rehearsal configures them: pins are those of the stand-ins, and two principals overlap.
    pub(crate) fn principals(&self, stage: Stage) -> Vec<PrincipalSpec> {
        let mut principals = self.principals.clone();
        let entry = self.part.place.and_then(|(principal, entry)| {
            let Method::Mtls(entry) = principals.get_mut(principal)?.methods.get_mut(entry)?;
            Some(entry)
        });
        if let (Some(entry), Some(valid)) = (entry, self.leaf(Case::Valid, stage)) {
            let Facts { spki, issuer_spki, fingerprint, .. } = &valid.facts;
            entry.spki_sha256 = entry.spki_sha256.map(|_| *spki);
            entry.issuer_spki_sha256 = entry.issuer_spki_sha256.map(|_| *issuer_spki);
            entry.cert_sha256 = entry.cert_sha256.map(|_| *fingerprint);
        }
        if !principals.is_empty() {
            principals.extend(overlapping());
        }
        principals
    }

    /// Whom the rehearsal's configuration takes a certificate for; none where the case has no certificate.
    pub(crate) fn whose(&self, case: Case, stage: Stage) -> Option<Whose> {
        let parties = Parties { principals: self.principals(stage), by_common_name: self.by_common_name };
        self.leaf(case, stage).map(|leaf| parties.whose(&leaf.facts))
    }

    fn make(&self, case: Case, stage: Stage, now: OffsetDateTime) -> Result<Option<Leaf>, Fault> {
        let Part { names, key, .. } = &self.part;
        let issuer = self.trusted(stage);
        let shape = Shape::good(names, key, now).listed_at(self.list_of(issuer));
        let day = Duration::days(1);
        let leaf = match case {
            Case::NoCertificate => return Ok(None),
            Case::OtherAuthority if stage == Stage::Swapped => {
                return Ok(self.leaf(Case::Valid, Stage::Started).cloned());
            }
            // What was fetched counts until it is fetched again: who is on the list is on it from the start.
            Case::Revoked(Source::Fetched) if stage == Stage::Reloaded => {
                return Ok(self.leaf(case, Stage::Started).cloned());
            }
            Case::OtherAuthority => shape.signed(&self.second, &[])?,
            Case::Valid if stage == Stage::Reloaded => return Ok(self.leaf(case, Stage::Started).cloned()),
            Case::Valid | Case::Revoked(_) => shape.signed(issuer, &[])?,
            Case::Expired => shape.valid(now - day * 2, now - day).signed(issuer, &[])?,
            Case::NotYetValid => shape.valid(now + day, now + day * 2).signed(issuer, &[])?,
            Case::ServerOnly => shape.for_servers().signed(issuer, &[])?,
            Case::Version1 => shape.version1(issuer)?,
            Case::WeakKey => shape.with_weak_key(issuer)?,
            Case::WeakSignature => shape.signed_with_sha1(issuer)?,
            Case::NameConstraint => self.constrained(issuer, now)?,
            Case::Unmapped => self.somebody_else(&self.nobody(), issuer, now)?,
            Case::Ambiguous if self.principals.is_empty() => return Ok(None),
            Case::Ambiguous => self.somebody_else(&both(), issuer, now)?,
        };
        Ok(Some(leaf))
    }

    fn somebody_else(&self, names: &Names, issuer: &StandIn, now: OffsetDateTime) -> Result<Leaf, Fault> {
        Shape::good(names, &key()?, now).listed_at(self.list_of(issuer)).signed(issuer, &[])
    }

    /// Where an authority's list can be fetched, where anybody fetches lists.
    fn list_of(&self, issuer: &StandIn) -> Option<String> {
        self.point.as_ref().map(|point| point.url(&format!("{}.crl", issuer.pin())))
    }

    /// Publishes an authority's list where its certificates say that it is.
    pub(crate) fn publish(&self, issuer: &StandIn, list: Vec<u8>) {
        if let Some(point) = &self.point {
            point.publish(&format!("{}.crl", issuer.pin()), list);
        }
    }

    fn constrained(&self, issuer: &StandIn, now: OffsetDateTime) -> Result<Leaf, Fault> {
        let inside = issuer.constrained_to("countersign matrix constrained CA", "inside.invalid", now)?;
        let mut names = self.part.names.clone();
        names.dns.get_or_insert_with(|| "outside.invalid".to_owned());
        Shape::good(&names, &self.part.key, now).signed(&inside, &[&inside])
    }

    fn nobody(&self) -> Names {
        let name = Some("countersign matrix nobody".to_owned());
        match self.by_common_name {
            true => Names { organization: name, ..Names::default() },
            false => Names { common_name: name, ..Names::default() },
        }
    }
}

impl Part {
    /// The first principal that may sign in with a certificate; where there is none, somebody.
    fn of(plan: &Plan) -> Result<Self, Fault> {
        let principals = plan.principals.iter().enumerate().filter(|(_, principal)| principal.active);
        let mut entries = principals.flat_map(|(number, principal)| {
            let entries = principal.methods.iter().enumerate();
            entries.map(move |(entry, Method::Mtls(conditions))| ((number, entry), conditions))
        });
        let (place, names) = match entries.next() {
            Some((place, entry)) => (Some(place), Names::meeting(entry, plan.environment.as_str())),
            None => (None, somebody()),
        };
        Ok(Self { names, place, key: key()? })
    }
}

fn somebody() -> Names {
    Names { common_name: Some("countersign matrix client".to_owned()), ..Names::default() }
}

/// Two principals that one certificate can be at once: whether the configuration's own can overlap depends on them.
fn overlapping() -> [PrincipalSpec; 2] {
    let entry = |entry| vec![Method::Mtls(entry)];
    let one = MtlsMatch { subject_o: both().organization, ..MtlsMatch::default() };
    let two = MtlsMatch { subject_ou: both().unit, ..MtlsMatch::default() };
    [
        PrincipalSpec::new("countersign-matrix-one", entry(one)),
        PrincipalSpec::new("countersign-matrix-two", entry(two)),
    ]
}

fn both() -> Names {
    Names {
        organization: Some("countersign matrix one".to_owned()),
        unit: Some("countersign matrix two".to_owned()),
        ..Names::default()
    }
}
