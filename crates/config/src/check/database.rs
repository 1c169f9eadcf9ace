use std::collections::HashSet;

use access::{GrantSpec, Level};
use fault::nearest;

use crate::plan::{Backend, DatabasePlan, LedgerPlan, OpenMode};
use crate::reader::{At, Reader};
use crate::section::access::Grant;
use crate::section::database::Database;
use crate::table::Table;

/// Words that stand after a database's name in a path.
const RESERVED: &[&str] = &["query", "v2", "v3", "export", "backup", "changeset", "blob", "changes"];

/// The databases and the grants on them.
pub(super) fn plans(
    reader: &mut Reader<'_>,
    written: &[At<Database>],
    ledger: Option<&LedgerPlan>,
) -> (Vec<DatabasePlan>, Vec<GrantSpec>) {
    let (mut plans, mut grants) = (Vec::new(), Vec::new());
    let mut names = HashSet::new();
    for (n, database) in written.iter().enumerate() {
        let Some(name) = &database.value.name else {
            if database.value.lacks(&database.value.name, "name") {
                reader.refuse(
                    database,
                    format!("config: databases[{n}] needs a name"),
                    "write name: and a word",
                );
            }
            continue;
        };
        check_name(reader, name);
        if !names.insert(name.value.as_str()) {
            reader.refuse(
                name,
                format!("config: duplicate database {:?}", name.value),
                "give each its own name",
            );
        }
        plans.push(plan(reader, name, database, ledger));
        for grant in &database.value.grants.value {
            grants.extend(spec(reader, &name.value, grant));
        }
    }
    (plans, grants)
}

/// The database of a start from the environment alone.
pub(super) fn default_database(reader: &Reader<'_>) -> DatabasePlan {
    DatabasePlan {
        name: "countersign".to_owned(),
        backend: Backend::File,
        path: Some(reader.ground.base.join("countersign.db")),
        mode: OpenMode::Rwc,
        recommended_pragmas: true,
    }
}

/// A name must stand in a path as it is and not be mistaken for what may stand there instead.
fn check_name(reader: &mut Reader<'_>, name: &At<String>) {
    let text = name.value.as_str();
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    let placed = !text.starts_with('_') && !matches!(text, "" | "." | "..");
    if !letters || !placed || RESERVED.contains(&text) {
        let said = format!(
            "config: database {text:?} has an invalid or reserved name (want ASCII letters, digits, \"-\", \".\" and \
             \"_\", not beginning with \"_\", and none of {})",
            RESERVED.join(", ")
        );
        reader.refuse(name, said, "choose another name");
    }
}

fn plan(
    reader: &mut Reader<'_>,
    name: &At<String>,
    written: &At<Database>,
    ledger: Option<&LedgerPlan>,
) -> DatabasePlan {
    let database = &written.value;
    if database.backend.value == Backend::Ledger {
        return of_ledger(reader, name, database, ledger);
    }
    match (database.backend.value, &database.path) {
        (Backend::File, path) if database.lacks(path, "path") && !database.unread().contains(&"backend") => {
            let said = format!("config: database {:?} (file) needs a path", name.value);
            reader.refuse(name, said, format!("write path: ./data/{}.db", name.value));
        }
        (Backend::MemoryShared, Some(path)) => {
            let said =
                format!("config: database {:?} (memory-shared) has a path and is kept in memory", name.value);
            reader.refuse(path, said, "leave the path out, or write backend: file");
        }
        _ => {}
    }
    DatabasePlan {
        name: name.value.clone(),
        backend: database.backend.value,
        path: database.path.as_ref().map(|path| path.value.clone()),
        mode: database.mode.value,
        recommended_pragmas: database.pragmas_preset.value.0,
    }
}

/// The ledger's views. Where it is, and that nothing is written to it, is not for the database to say.
fn of_ledger(
    reader: &mut Reader<'_>,
    name: &At<String>,
    database: &Database,
    ledger: Option<&LedgerPlan>,
) -> DatabasePlan {
    if let Some(path) = &database.path {
        let said =
            format!("config: database {:?} (ledger) has a path and is kept where the ledger is", name.value);
        reader.refuse(path, said, "leave the path out: ledger.url says where it is");
    }
    let path = match ledger {
        Some(LedgerPlan::Sqlite { path }) => Some(path.clone()),
        Some(LedgerPlan::Postgres(_)) => {
            let said = format!(
                "config: database {:?} (ledger) shows a ledger in a file, and ours is on PostgreSQL",
                name.value
            );
            let remedy =
                "leave it out, and let people read the schema countersign there: GRANT SELECT on its views";
            reader.refuse(name, said, remedy);
            None
        }
        None => {
            let said =
                format!("config: database {:?} (ledger) shows a ledger, and there is none", name.value);
            reader.refuse(name, said, "write ledger: { url: \"sqlite:./state/ledger.db\" }");
            None
        }
    };
    DatabasePlan {
        name: name.value.clone(),
        backend: Backend::Ledger,
        path,
        mode: OpenMode::Ro,
        recommended_pragmas: database.pragmas_preset.value.0,
    }
}

fn spec(reader: &mut Reader<'_>, database: &str, written: &At<Grant>) -> Option<GrantSpec> {
    let grant = &written.value;
    let (Some(principal), Some(level)) = (&grant.principal, &grant.level) else {
        if grant.unread().is_empty() {
            let said = format!("config: database {database:?}: a grant needs principal and level");
            reader.refuse(written, said, "write { principal: NAME, level: read-only }");
        }
        return None;
    };
    let Ok(parsed) = level.value.parse() else {
        let said = format!("config: database {database:?} grant has invalid level {:?}", level.value);
        let words = Level::ALL.iter().map(|level| level.as_str());
        let remedy = match nearest(&level.value, words) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "write none, read-only, read-write or admin".to_owned(),
        };
        reader.refuse(level, said, remedy);
        return None;
    };
    Some(GrantSpec {
        database: database.to_owned(),
        principal: principal.value.clone(),
        level: parsed,
        place: principal.place.clone(),
    })
}
