//! Takes values out of the document, and notes every fault and where each value came from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fault::{Fault, Faults, Place, nearest};

use crate::expand::{Unexpandable, expand};
use crate::origin::Origin;
use crate::scalar::{Ground, Scalar, Wrong};
use crate::yaml::{Key, Node, Spot, Value};

/// A value and where it was written; nobody wrote a default.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Option<Place>,
}

impl<T> At<T> {
    /// A fault about this value.
    pub(crate) fn fault(&self, what: impl Into<String>) -> Fault {
        placed(Fault::yours(what), self.place.as_ref())
    }
}

/// The fault at the place, where there is one.
pub(crate) fn placed(fault: Fault, place: Option<&Place>) -> Fault {
    match place {
        Some(place) => fault.at(place.clone()),
        None => fault,
    }
}

/// Anything that can stand as a value in the document.
pub(crate) trait Shape: Sized {
    /// What it is called on the reference page.
    fn kind() -> String;

    /// Reads it; what is wrong is noted with the reader.
    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self>;
}

/// Reads a document and keeps what is wrong with it.
pub(crate) struct Reader<'a> {
    pub(crate) env: &'a BTreeMap<String, String>,
    pub(crate) ground: Ground,
    /// What relative paths of flags and variables are relative to.
    pub(crate) outside: Ground,
    pub(crate) file: Option<PathBuf>,
    pub(crate) lenient: bool,
    pub(crate) faults: Faults,
    pub(crate) warnings: Vec<Fault>,
    pub(crate) origins: Vec<Origin>,
}

impl Reader<'_> {
    /// Where a node stands.
    pub(crate) fn place(&self, spot: Option<Spot>) -> Option<Place> {
        let (file, spot) = (self.file.clone()?, spot?);
        Some(Place::Position { file, line: spot.line, column: spot.column })
    }

    /// Notes a fault at a node.
    pub(crate) fn fault(&mut self, spot: Option<Spot>, fault: Fault) {
        let place = self.place(spot);
        self.faults.push(placed(fault, place.as_ref()));
    }

    /// Reads a shape and keeps its place.
    pub(crate) fn read<T: Shape>(&mut self, node: &Node, path: &str) -> Option<At<T>> {
        let value = T::read(self, node, path)?;
        Some(At { value, place: self.place(node.spot) })
    }

    /// A single value; `path` is its full key.
    pub(crate) fn scalar<T: Scalar>(&mut self, node: &Node, path: &str) -> Option<T> {
        let Value::Text(written) = &node.value else {
            let said = format!("{path} is {}, want {}", node.described(), T::kind().replace('`', ""));
            self.fault(node.spot, Fault::yours(said));
            return None;
        };
        let text = match expand(written, self.env) {
            Ok(text) => text,
            Err(why) => {
                self.fault(node.spot, unexpandable(path, &why));
                return None;
            }
        };
        match T::parse(&text, &self.ground) {
            Ok(value) => {
                let place = self.place(node.spot);
                self.origins.push(Origin::new(path, &text, place));
                Some(value)
            }
            Err(wrong) => {
                self.fault(node.spot, misread(path, &text, wrong));
                None
            }
        }
    }

    /// The entries of a table, after its keys have been compared with the known ones.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, path: &str, known: &Known) -> Option<Entries<'n>> {
        let entries = match &node.value {
            Value::Table(entries) => entries.as_slice(),
            Value::Nothing => &[],
            Value::Text(_) | Value::List(_) => {
                self.not_a_table(node, path);
                return None;
            }
        };
        for (key, _) in entries {
            if known.later.contains(&key.text.as_str()) {
                let said = format!("{} is not available in this version", joined(path, &key.text));
                self.fault(Some(key.spot), Fault::yours(said).remedy("leave it out"));
            } else if !known.now.contains(&key.text.as_str()) {
                self.unknown_key(key, path, known);
            }
        }
        let entries = Entries { path: path.to_owned(), entries, also: known.also, unread: Vec::new() };
        self.refuse_both_spellings(&entries);
        Some(entries)
    }

    fn not_a_table(&mut self, node: &Node, path: &str) {
        let of = if path.is_empty() { "the configuration" } else { path };
        let said = format!("{of} is {}, want a table of keys", node.described());
        self.fault(node.spot, Fault::yours(said));
    }

    /// Two spellings of one key could say two things.
    fn refuse_both_spellings(&mut self, entries: &Entries<'_>) {
        for (key, also) in entries.also.iter().filter_map(|(key, also)| Some((*key, (*also)?))) {
            let (Some(_), Some((second, _))) = (entries.find(key), entries.find(also)) else { continue };
            let said = format!("{} and {also} are two spellings of one key", entries.key(key));
            self.fault(Some(second.spot), Fault::yours(said).remedy("keep one of them"));
        }
    }

    fn unknown_key(&mut self, key: &Key, path: &str, known: &Known) {
        let of = if path.is_empty() { String::new() } else { format!(" in {path}") };
        let remedy = match nearest(&key.text, known.now.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("the known keys are {}", known.now.join(", ")),
        };
        let fault = Fault::yours(format!("unknown key {:?}{of}", key.text)).remedy(remedy);
        let place = self.place(Some(key.spot));
        let fault = placed(fault, place.as_ref());
        if self.lenient {
            self.warnings.push(fault);
        } else {
            self.faults.push(fault);
        }
    }

    /// The value of a key that may be left out; a key without a value is left out.
    pub(crate) fn optional<T: Shape>(
        &mut self,
        entries: &mut Entries<'_>,
        key: &'static str,
    ) -> Option<At<T>> {
        let (spelt, node) = entries.get(key)?;
        let path = entries.key(&spelt.text);
        if matches!(node.value, Value::Nothing) {
            return None;
        }
        let read = self.read(node, &path);
        if read.is_none() {
            entries.unread.push(key);
        }
        read
    }

    /// The value of a key that has a default. The default also stands in for a value that cannot be read, so that
    /// one look finds the other faults too.
    pub(crate) fn or_default<T: Shape>(
        &mut self,
        entries: &mut Entries<'_>,
        key: &'static str,
        default: &str,
    ) -> Option<At<T>> {
        if let Some(at) = self.optional(entries, key) {
            return Some(at);
        }
        let value = if default.is_empty() { Value::Nothing } else { Value::Text(default.to_owned()) };
        self.read(&Node { spot: None, value }, &entries.key(key))
    }
}

/// The keys that a table knows, and those that a later version will know.
pub(crate) struct Known {
    pub(crate) now: &'static [&'static str],
    pub(crate) later: &'static [&'static str],
    /// Keys with their other spelling, which is among those known now.
    pub(crate) also: &'static [(&'static str, Option<&'static str>)],
}

/// The entries of one table.
pub(crate) struct Entries<'n> {
    path: String,
    entries: &'n [(Key, Node)],
    /// Keys with their other spelling.
    also: &'static [(&'static str, Option<&'static str>)],
    /// Keys whose value is written and could not be read.
    pub(crate) unread: Vec<&'static str>,
}

impl<'n> Entries<'n> {
    /// The key as it is spelt, and its value.
    fn get(&self, key: &str) -> Option<&'n (Key, Node)> {
        let also = || self.also.iter().find(|(known, _)| *known == key).and_then(|(_, also)| *also);
        self.find(key).or_else(|| self.find(also()?))
    }

    fn find(&self, key: &str) -> Option<&'n (Key, Node)> {
        self.entries.iter().find(|(known, _)| known.text == key)
    }

    fn key(&self, key: &str) -> String {
        joined(&self.path, key)
    }
}

/// The full key of an entry.
pub(crate) fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The fault of a text without meaning under its key.
pub(crate) fn misread(path: &str, text: &str, wrong: Wrong) -> Fault {
    let fault = Fault::yours(format!("{path} \"{text}\" {}", wrong.said));
    match wrong.remedy {
        Some(remedy) => fault.remedy(remedy),
        None => fault,
    }
}

fn unexpandable(path: &str, why: &Unexpandable) -> Fault {
    match why {
        Unexpandable::Unset(name) => Fault::yours(format!("{path}: the variable {name:?} is not set"))
            .remedy(format!("set it, or give a default: ${{{name}:-value}}")),
        Unexpandable::Unclosed => Fault::yours(format!("{path}: \"${{\" is not closed"))
            .remedy("close it with }, or write $$ for a dollar sign"),
        Unexpandable::BadName(name) => {
            Fault::yours(format!("{path}: {name:?} is not the name of a variable"))
                .remedy("write ${NAME} or ${NAME:-default}, or $$ for a dollar sign")
        }
    }
}
