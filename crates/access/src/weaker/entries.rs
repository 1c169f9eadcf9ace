//! Whom certificates belong to, before and after.

use std::collections::{HashMap, HashSet};

use super::Weakening;
use crate::Directory;
use crate::claim::{Claim, sentence};
use crate::directory::{Entry, Principal};

/// Everything by which certificates could come to belong to somebody they did not belong to.
pub(super) fn weaker(old: &Directory, new: &Directory) -> Vec<Weakening> {
    if new.is_common_name_is_principal() {
        let what = "every verified certificate is the principal that its common name names";
        let told =
            (!old.is_common_name_is_principal()).then(|| Weakening::new("common-name-is-principal", what));
        return told.into_iter().collect();
    }
    let before = Before::of(old);
    let lost = Lost::of(old, new);
    let mut found: Vec<Weakening> =
        new.principals().filter_map(|principal| before.switched_on(principal)).collect();
    for (principal, entry) in new.entries().filter(|(principal, _)| principal.active) {
        let why = match old.knows(&principal.name) {
            true => before.widened(principal, entry),
            false => lost.taken_over(principal, entry).or_else(|| broad(principal, entry)),
        };
        found.extend(why.map(|what| {
            Weakening::new(format!("entry {} {}", principal.name, written(&entry.claims)), what)
                .written(entry.place())
        }));
    }
    found
}

/// The old directory by principal.
struct Before<'a> {
    directory: &'a Directory,
    entries: HashMap<&'a str, Vec<&'a Entry>>,
    inactive: HashSet<&'a str>,
}

impl<'a> Before<'a> {
    fn of(directory: &'a Directory) -> Self {
        let inactive = directory.principals().filter(|principal| !principal.active);
        Self {
            directory,
            entries: by_principal(directory),
            inactive: inactive.map(|one| one.name.as_ref()).collect(),
        }
    }

    fn switched_on(&self, principal: &Principal) -> Option<Weakening> {
        let Principal { name, active, place } = principal;
        (*active && self.inactive.contains(name.as_ref())).then(|| {
            Weakening::new(format!("active {name}"), format!("principal {name:?} is switched on again"))
                .written(place.as_ref())
        })
    }

    /// An entry that no old entry of the principal includes.
    fn widened(&self, principal: &Principal, entry: &Entry) -> Option<String> {
        let name = &principal.name;
        let included = match self.directory.is_common_name_is_principal() {
            true => entry.claims.contains(&Claim::SubjectCn(name.to_string())),
            false => included(&self.entries, name, &entry.claims),
        };
        (!included).then(|| format!("principal {name:?} is also whoever has {}", sentence(&entry.claims)))
    }
}

/// Old entries whose certificates their principal no longer claims.
struct Lost<'a>(Vec<(&'a Principal, &'a Entry, Vec<&'a Entry>)>);

impl<'a> Lost<'a> {
    fn of(old: &'a Directory, new: &'a Directory) -> Self {
        let after = by_principal(new);
        let lost = old
            .entries()
            .filter(|(principal, entry)| {
                principal.active && !included(&after, &principal.name, &entry.claims)
            })
            .map(|(principal, entry)| {
                (principal, entry, after.get(principal.name.as_ref()).cloned().unwrap_or_default())
            });
        Self(lost.collect())
    }

    /// Where a certificate could meet both the lost entry and the new one, and its old principal does not claim it still.
    fn taken_over(&self, principal: &Principal, entry: &Entry) -> Option<String> {
        let taken = self.0.iter().find(|(_, lost, kept)| {
            let both: Vec<Claim> = lost.claims.iter().chain(&entry.claims).cloned().collect();
            !contradict(&lost.claims, &entry.claims) && !kept.iter().any(|kept| includes(&kept.claims, &both))
        });
        taken.map(|(from, ..)| {
            format!(
                "certificates that belonged to principal {:?} may belong to {:?}",
                from.name, principal.name
            )
        })
    }
}

/// A new principal that is known by what many certificates share.
fn broad(principal: &Principal, entry: &Entry) -> Option<String> {
    let shared = |claim: &Claim| {
        matches!(claim, Claim::IssuerSpkiSha256(_) | Claim::SubjectO(_) | Claim::SubjectOu(_))
    };
    entry.claims.iter().all(shared).then(|| {
        let claims = sentence(&entry.claims);
        format!(
            "the new principal {:?} is whoever has {claims}, which names no single identity",
            principal.name
        )
    })
}

fn by_principal(directory: &Directory) -> HashMap<&str, Vec<&Entry>> {
    let mut entries: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for (principal, entry) in directory.entries() {
        entries.entry(&principal.name).or_default().push(entry);
    }
    entries
}

/// Whether an entry of that principal is met by every certificate that meets all of `claims`.
fn included(entries: &HashMap<&str, Vec<&Entry>>, principal: &str, claims: &[Claim]) -> bool {
    entries.get(principal).is_some_and(|entries| entries.iter().any(|entry| includes(&entry.claims, claims)))
}

/// Whether whoever meets `narrow` meets `wide`: each condition of `wide` is one of `narrow`.
fn includes(wide: &[Claim], narrow: &[Claim]) -> bool {
    !wide.is_empty() && wide.iter().all(|claim| narrow.contains(claim))
}

/// Whether no certificate can meet both: they differ in something that a certificate has one of.
fn contradict(one: &[Claim], other: &[Claim]) -> bool {
    one.iter().any(|claim| other.iter().any(|rival| claim.is_single() && claim.rivals(rival)))
}

/// The conditions in one word each, to be copied: `subject_cn=analyst,subject_o=Acme`.
fn written(claims: &[Claim]) -> String {
    let words: Vec<String> = claims.iter().map(Claim::word).collect();
    words.join(",")
}
