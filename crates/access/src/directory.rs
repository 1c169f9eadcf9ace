use std::collections::HashMap;
use std::sync::Arc;

use fault::{Fault, Faults, Place};
use identity::{CommonName, Verified};

use crate::claim::{Claim, sentence};
use crate::grants::EVERYONE;
use crate::{Method, PrincipalSpec};

mod index;

use index::Index;

/// All principals, checked against each other and indexed by what certificates show.
///
/// A lookup costs a few hash lookups however many principals there are; entries that name nothing unique (only an
/// issuer, an organization or a unit) are compared one by one.
#[derive(Debug)]
pub struct Directory {
    listed: Listed,
    by_common_name: bool,
}

#[derive(Debug, Default)]
struct Listed {
    principals: Vec<Principal>,
    by_name: HashMap<Arc<str>, usize>,
    entries: Vec<Entry>,
    index: Index,
}

#[derive(Debug)]
pub(crate) struct Principal {
    pub(crate) name: Arc<str>,
    pub(crate) active: bool,
    pub(crate) place: Option<Place>,
}

/// One `mtls` entry of one principal.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) principal: usize,
    pub(crate) claims: Vec<Claim>,
    place: Option<Place>,
}

/// Whom a certificate belongs to.
pub(crate) enum Found {
    One { name: Arc<str>, active: bool },
    Nobody,
    Several(Arc<str>, Arc<str>),
}

impl Directory {
    /// Checks and indexes what was written.
    ///
    /// # Errors
    /// All of: a name that is empty, `*` or written twice; an `mtls` entry without a condition; an entry whose
    /// conditions another principal claims as well, so that every certificate that meets it would be ambiguous.
    pub fn new(specs: Vec<PrincipalSpec>) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let mut listed = Listed::default();
        for spec in specs {
            listed.add(spec, &mut faults);
        }
        listed.refuse_shared_claims(&mut faults);
        listed.index = Index::of(&listed.entries);
        faults.or(Self { listed, by_common_name: false })
    }

    /// Every verified certificate is the principal that its common name names, known to no list.
    #[must_use]
    pub fn common_name_is_principal() -> Self {
        Self { listed: Listed::default(), by_common_name: true }
    }

    /// Whether rules may speak of a principal of this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.by_common_name || self.listed.by_name.contains_key(name)
    }

    /// How many principals are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listed.principals.len()
    }

    /// Whether no principal is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.principals.is_empty()
    }

    /// Whether certificates name their principals themselves, see [`Self::common_name_is_principal`].
    #[must_use]
    pub fn is_common_name_is_principal(&self) -> bool {
        self.by_common_name
    }

    /// The principal of a certificate.
    pub(crate) fn find(&self, verified: &Verified) -> Found {
        if !self.by_common_name {
            return self.listed.find(verified);
        }
        match verified.leaf().identity().common_name() {
            CommonName::One(name) if name != EVERYONE => {
                Found::One { name: Arc::from(name.as_str()), active: true }
            }
            _ => Found::Nobody,
        }
    }

    /// Every listed principal, in the order written.
    pub(crate) fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.listed.principals.iter()
    }

    /// Every entry with its principal, in the order written.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Principal, &Entry)> {
        let principal = |entry: &Entry| self.listed.principals.get(entry.principal);
        self.listed.entries.iter().filter_map(move |entry| Some((principal(entry)?, entry)))
    }
}

impl Entry {
    /// Where it was written.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Whether the certificate meets all conditions.
    fn matches(&self, verified: &Verified) -> bool {
        self.claims.iter().all(|claim| claim.holds(verified))
    }
}

impl Listed {
    fn add(&mut self, spec: PrincipalSpec, faults: &mut Faults) {
        let at = |fault: Fault, place: &Option<Place>| match place.clone().or_else(|| spec.place.clone()) {
            Some(place) => fault.at(place),
            None => fault,
        };
        let name: Arc<str> = Arc::from(spec.name.as_str());
        if spec.name.is_empty() || spec.name == EVERYONE {
            let said = format!("config: auth principal {:?} has an empty or reserved name", spec.name);
            let remedy = "name it by a word of your own; \"*\" in a grant means everyone";
            faults.push(at(Fault::yours(said), &None).remedy(remedy));
        }
        let number = self.principals.len();
        if self.by_name.insert(name.clone(), number).is_some() {
            let said = format!("config: duplicate auth principal {:?}", spec.name);
            faults.push(at(Fault::yours(said), &None).remedy("put all its methods under one entry"));
        }
        for Method::Mtls(entry) in &spec.methods {
            let claims = Claim::all_of(entry);
            if claims.is_empty() {
                let said =
                    format!("config: principal {:?}: an mtls entry needs at least one field", spec.name);
                let remedy = "add subject_cn, spki_sha256 or another field that the certificate must match";
                faults.push(at(Fault::yours(said), &entry.place).remedy(remedy));
            }
            self.entries.push(Entry { principal: number, claims, place: entry.place.clone() });
        }
        self.principals.push(Principal { name, active: spec.active, place: spec.place });
    }

    /// Refuses entries that could only ever be ambiguous: all conditions of one hold wherever the other matches.
    fn refuse_shared_claims(&self, faults: &mut Faults) {
        let mut whole: HashMap<&[Claim], &Entry> = HashMap::new();
        for entry in &self.entries {
            whole.entry(&entry.claims).or_insert(entry);
        }
        for entry in &self.entries {
            let rival = subsets(&entry.claims).find_map(|part| {
                whole.get(part.as_slice()).copied().filter(|r| r.principal != entry.principal)
            });
            let names = rival.map(|rival| (self.name(rival), self.name(entry), rival));
            if let Some((Some(first), Some(second), rival)) = names {
                let said =
                    format!("principals {first:?} and {second:?} both claim {}", sentence(&rival.claims));
                let fault = Fault::yours(said).remedy("make the mtls entries of the two principals disjoint");
                faults.push(match entry.place.clone() {
                    Some(place) => fault.at(place),
                    None => fault,
                });
            }
        }
    }

    fn name(&self, entry: &Entry) -> Option<&str> {
        self.principals.get(entry.principal).map(|principal| principal.name.as_ref())
    }

    fn find(&self, verified: &Verified) -> Found {
        let mut first: Option<usize> = None;
        let mut second: Option<usize> = None;
        self.index.each_candidate(verified, &mut |number| {
            let Some(entry) = self.entries.get(number).filter(|entry| entry.matches(verified)) else {
                return;
            };
            match first {
                None => first = Some(entry.principal),
                Some(known) if known != entry.principal => second = Some(entry.principal),
                Some(_) => {}
            }
        });
        let principal = |number: Option<usize>| number.and_then(|number| self.principals.get(number));
        match (principal(first), principal(second)) {
            (Some(one), None) => Found::One { name: one.name.clone(), active: one.active },
            (Some(one), Some(other)) => Found::Several(one.name.clone(), other.name.clone()),
            (None, _) => Found::Nobody,
        }
    }
}

/// Every non-empty selection of the claims in their order, small ones first among those with the same last claim.
fn subsets(claims: &[Claim]) -> impl Iterator<Item = Vec<Claim>> {
    (1_usize..1 << claims.len()).map(|mask| {
        let chosen = claims.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
        chosen.map(|(_, claim)| claim.clone()).collect()
    })
}
