//! What status says of what is published.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::issuer::List;
use super::{Desk, Published};
use crate::lasting::Lasting;

impl Published {
    /// Each list that is published, and what keeps them from being signed.
    pub(crate) fn status(&self, now: OffsetDateTime) -> Value {
        let desk = self.desk.load();
        let lists: Vec<Value> =
            desk.lists().map(|(name, parts, list)| shown(&name, parts, &list, now)).collect();
        json!({ "lists": lists, "trouble": *self.trouble.lock() })
    }
}

impl Published {
    /// The lists, and the root's responder, with the moment at which each is outdated.
    pub(crate) fn lasting(&self) -> Vec<Lasting> {
        let desk = self.desk.load();
        let named = |(name, _, list): (String, u16, List)| {
            Lasting::new(format!("list of issuer {name}"), list.signed.next_update())
        };
        let responder = desk.issuing.root_responder.as_ref().map(|responder| {
            Lasting::new("responder of the root", responder.certificate().identity().not_after())
        });
        desk.lists().map(named).chain(responder).collect()
    }
}

impl Desk {
    /// The list of each authority that has one, with its name and over how many parts it is spread.
    fn lists(&self) -> impl Iterator<Item = (String, u16, List)> {
        let root = self.root_list.clone().map(|list| ("root".to_owned(), 1, list));
        let issuers = self.issuers.iter().filter_map(|issuer| {
            let list = issuer.list(authority::Shard::WHOLE)?;
            Some((issuer.name.clone(), issuer.parts(), list))
        });
        root.into_iter().chain(issuers)
    }
}

fn shown(name: &str, parts: u16, list: &List, now: OffsetDateTime) -> Value {
    let text = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    json!({
        "issuer": name,
        "number": list.signed.number(),
        "entries": list.signed.entries(),
        "parts": parts,
        "this_update": text(list.signed.this_update()),
        "next_update": text(list.signed.next_update()),
        "outdated": list.signed.next_update() < now,
    })
}
