use std::path::{Path, PathBuf};

use fault::{Fault, Faults, Place};

use crate::check;
use crate::plan::{Plan, PostgresPlan};
use crate::reader::{Reader, Shape};
use crate::scalar::Ground;
use crate::section::top::Top;
use crate::sources::Sources;
use crate::yaml::{MOST_BYTES, parse};

/// Reads and checks a configuration; certificates and keys that it names are not opened.
///
/// Beside the plan come warnings: what is valid and seldom meant.
///
/// # Errors
/// Everything that is wrong, in one look.
pub fn read(sources: &Sources) -> Result<(Plan, Vec<Fault>), Faults> {
    let here = std::path::absolute(".").map_err(|error| {
        Fault::theirs("the current directory cannot be found")
            .because(error)
            .remedy("change to one that exists")
    })?;
    let Some(file) = &sources.file else { return read_from(sources, "", None, here.clone(), here) };
    let bytes = files::read_limited(file, MOST_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Fault::yours("the configuration is not UTF-8").in_file(file).because(format!("byte {at} is not"))
    })?;
    // Where the file is named without a folder, its folder is the current one.
    let base = here.join(file);
    let base = base.parent().map_or(here.clone(), Path::to_owned);
    read_from(sources, &text, Some(file.clone()), base, here)
}

/// Reads and checks the text of a configuration, as [`read`] does with that of `sources.file`; its name is for
/// faults alone.
///
/// # Errors
/// Everything that is wrong, in one look.
pub fn read_text(sources: &Sources, text: &str, base: &Path) -> Result<(Plan, Vec<Fault>), Faults> {
    let file = sources.file.clone().unwrap_or_else(|| PathBuf::from("countersign.yaml"));
    read_from(sources, text, Some(file), base.to_owned(), base.to_owned())
}

/// Reads the URL of a ledger in a PostgreSQL database, as `ledger.url` is read from a configuration in `here`.
///
/// # Errors
/// Everything that is wrong with it, in one look.
pub fn read_database(sources: &Sources, url: &str, here: &Path) -> Result<PostgresPlan, Faults> {
    let ground = Ground { base: here.to_owned(), home: sources.variable("HOME").map(PathBuf::from) };
    let mut reader = Reader {
        env: &sources.env,
        ground: ground.clone(),
        outside: ground,
        file: None,
        lenient: false,
        faults: Faults::new(),
        warnings: Vec::new(),
        origins: Vec::new(),
    };
    let plan = check::ledger_database(&mut reader, sources, url);
    match plan.filter(|_| reader.faults.is_empty()) {
        Some(plan) => Ok(plan),
        None => Err(reader.faults),
    }
}

fn read_from(
    sources: &Sources,
    text: &str,
    file: Option<PathBuf>,
    base: PathBuf,
    here: PathBuf,
) -> Result<(Plan, Vec<Fault>), Faults> {
    let document = parse(text).map_err(|unreadable| match &file {
        Some(file) => {
            let (line, column) = (unreadable.spot.line, unreadable.spot.column);
            unreadable.fault().at(Place::Position { file: file.clone(), line, column })
        }
        None => unreadable.fault(),
    })?;
    let home = sources.variable("HOME").map(PathBuf::from);
    let mut reader = Reader {
        env: &sources.env,
        ground: Ground { base, home: home.clone() },
        outside: Ground { base: here, home },
        file,
        lenient: sources.overrides.lenient,
        faults: Faults::new(),
        warnings: Vec::new(),
        origins: Vec::new(),
    };
    let plan = Top::read(&mut reader, &document, "").map(|top| check::plan(&mut reader, sources, top));
    let Reader { faults, warnings, origins, .. } = reader;
    match plan.filter(|_| faults.is_empty()) {
        Some(plan) => Ok((Plan { origins, ..plan }, in_order(warnings))),
        None => Err(in_order(faults).into_iter().fold(Faults::new(), |mut all, fault| {
            all.push(fault);
            all
        })),
    }
}

/// As a reader meets them: those with a line by line, the others first.
fn in_order(faults: impl IntoIterator<Item = Fault>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = faults.into_iter().collect();
    faults.sort_by_key(|fault| match fault.place() {
        Some(Place::Position { line, column, .. }) => (*line, *column),
        _ => (0, 0),
    });
    faults
}
