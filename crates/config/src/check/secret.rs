//! Where passwords are, and that a name can be one there.

use std::collections::HashSet;
use std::time::Duration;

use fault::nearest;
use identity::Secret;

use crate::plan::{SecretKept, SecretPlan};
use crate::reader::{At, Reader};
use crate::section::secret::{SecretKind, SecretName, SecretSource};
use crate::table::Table;

/// The sources, each with what its kind needs.
pub(super) fn check(reader: &mut Reader<'_>, written: &[At<SecretSource>]) {
    let mut names = HashSet::new();
    for (n, source) in written.iter().enumerate() {
        let Some(name) = &source.value.name else {
            if source.value.lacks(&source.value.name, "name") {
                let said = format!("config: secrets[{n}] needs a name");
                reader.refuse(source, said, "write name: and a word of your own");
            }
            continue;
        };
        if name.value.is_empty() || name.value.contains(':') {
            let said =
                format!("config: secrets {:?} has a name that cannot stand before a colon", name.value);
            reader.refuse(name, said, "choose another name");
        }
        if !names.insert(name.value.as_str()) {
            let said = format!("config: duplicate secrets {:?}", name.value);
            reader.refuse(name, said, "give each its own name");
        }
        check_kind(reader, name, source);
    }
}

/// Each kind has keys of its own; one of another kind's would mean nothing.
fn check_kind(reader: &mut Reader<'_>, name: &At<String>, source: &At<SecretSource>) {
    let written = &source.value;
    let Some(kind) = &written.kind else {
        if written.lacks(&written.kind, "type") {
            let said = format!("config: secrets {:?} needs a type (env|file|command)", name.value);
            reader.refuse(source, said, "write type: env, file or command");
        }
        return;
    };
    let said = |key: &str| format!("config: secrets {:?} ({}) has {key}", name.value, kind.value.as_str());
    let remedy = "leave it out: it is for another type";
    if let Some(prefix) = written.prefix.as_ref().filter(|_| kind.value != SecretKind::Env) {
        reader.refuse(prefix, said("prefix"), remedy);
    }
    if let Some(dir) = written.dir.as_ref().filter(|_| kind.value != SecretKind::File) {
        reader.refuse(dir, said("dir"), remedy);
    }
    if let Some(command) = written.command.as_ref().filter(|_| kind.value != SecretKind::Command) {
        reader.refuse(command, said("command"), remedy);
    }
    let needs =
        |what: &str| format!("config: secrets {:?} ({}) needs {what}", name.value, kind.value.as_str());
    match kind.value {
        SecretKind::Env => {}
        SecretKind::File if written.lacks(&written.dir, "dir") => {
            reader.refuse(kind, needs("a dir"), "write dir: and the folder whose files are the secrets");
        }
        SecretKind::Command if written.lacks(&written.command, "command") => {
            reader.refuse(kind, needs("a command"), "write command: [PROGRAM, ARGUMENT]");
        }
        SecretKind::Command if written.command.as_ref().is_some_and(|all| all.value.is_empty()) => {
            reader.refuse(kind, needs("a command"), "write command: [PROGRAM, ARGUMENT]");
        }
        SecretKind::File | SecretKind::Command => {}
    }
    let patience = &written.timeout;
    if patience.value.is_zero() || patience.value > LONGEST {
        let said =
            format!("config: secrets {:?}: timeout must be more than nothing and at most 1m", name.value);
        reader.refuse(patience, said, "write timeout: 10s");
    }
}

/// Where a secret is that a key asks for. Its name may be told, and what was written in place of a source may not: it could be
/// the password.
pub(super) fn find(
    reader: &mut Reader<'_>,
    called: &str,
    written: &At<SecretName>,
    sources: &[At<SecretSource>],
) -> Option<SecretPlan> {
    let SecretName { source, name } = &written.value;
    let named = |one: &&At<SecretSource>| one.value.name.as_ref().is_some_and(|at| at.value == *source);
    let Some(found) = sources.iter().find(named) else {
        let known: Vec<&str> =
            sources.iter().filter_map(|one| one.value.name.as_ref()).map(|at| at.value.as_str()).collect();
        let remedy = match (nearest(source, known.iter().copied()), known.is_empty()) {
            (Some(near), _) => format!("did you mean {near:?}?"),
            (None, false) => format!("the sources are {}", known.join(", ")),
            (None, true) => "write secrets: [ { name: env, type: env } ], and env:NAME here".to_owned(),
        };
        reader.refuse(written, format!("config: {called} is of no source in secrets"), remedy);
        return None;
    };
    let kept = kept(reader, called, written, &found.value)?;
    Some(SecretPlan { written: format!("{source}:{name}"), kept })
}

fn kept(
    reader: &mut Reader<'_>,
    called: &str,
    written: &At<SecretName>,
    source: &SecretSource,
) -> Option<SecretKept> {
    let name = &written.value.name;
    match source.kind.as_ref()?.value {
        SecretKind::Env => {
            let prefix = source.prefix.as_ref().map(|at| at.value.as_str()).unwrap_or_default();
            variable(reader, called, written, format!("{prefix}{name}"))
        }
        SecretKind::File => {
            if name.contains(['/', '\0']) || name.starts_with('.') {
                let said = format!("config: {called}: {name:?} is not the name of a file in a folder");
                reader.refuse(written, said, "write the file's name alone");
                return None;
            }
            Some(SecretKept::File(source.dir.as_ref()?.value.join(name)))
        }
        SecretKind::Command => {
            // A program must not take a name for an option.
            if name.starts_with('-') || name.chars().any(char::is_control) {
                let said = format!("config: {called}: {name:?} cannot be given to a program as a name");
                reader.refuse(written, said, "choose a name that begins with a letter");
                return None;
            }
            let command = source.command.as_ref()?;
            let words = command.value.iter().map(|word| word.value.clone()).chain([name.clone()]);
            (!command.value.is_empty())
                .then(|| SecretKept::Command { command: words.collect(), timeout: source.timeout.value })
        }
    }
}

fn variable(
    reader: &mut Reader<'_>,
    called: &str,
    written: &At<SecretName>,
    variable: String,
) -> Option<SecretKept> {
    match reader.env.get(&variable).filter(|value| !value.is_empty()) {
        Some(value) => Some(SecretKept::Given { secret: Secret::new(value.clone()), variable }),
        None => {
            let said = format!("config: {called}: the variable {variable:?} is not set");
            reader.refuse(written, said, format!("set {variable}"));
            None
        }
    }
}

/// A node that waits longer for a password does not start.
const LONGEST: Duration = Duration::from_secs(60);
