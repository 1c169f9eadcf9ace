//! What is in files, in 32 bytes each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use config::Plan;
use zeroize::Zeroize;

use super::named::{self, Named};

/// What is in the files of each path that is named; nothing where it cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests(BTreeMap<Named, Content>);

type Content = BTreeMap<PathBuf, Option<[u8; 32]>>;

impl Digests {
    pub(super) fn of(named: &BTreeSet<Named>) -> Self {
        Self(named.iter().map(|named| (named.clone(), content(&named.0))).collect())
    }

    /// Of the configuration alone.
    pub(crate) fn of_file(file: Option<&Path>) -> Self {
        Self::of(&file.map(|file| Named(file.to_owned())).into_iter().collect())
    }

    /// With everything that a Plan names.
    pub(crate) fn and_of(mut self, plan: &Plan) -> Self {
        self.extend(Self::of(&named::all(plan, None)));
        self
    }

    /// Whether everything in `other` is in here, and the same.
    pub(super) fn include(&self, other: &Self) -> bool {
        other.0.iter().all(|(named, content)| self.0.get(named) == Some(content))
    }

    /// With later ones.
    pub(crate) fn and(mut self, later: Self) -> Self {
        self.extend(later);
        self
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// What has stayed the same between two looks.
pub(crate) struct Unchanged<'a> {
    pub(crate) before: &'a Digests,
    pub(crate) now: &'a Digests,
}

impl Unchanged<'_> {
    /// Whether a file is what it was, or was not there and is not there yet.
    pub(crate) fn has_or_lacks(&self, path: &Path) -> bool {
        let named = Named(path.to_owned());
        let same = self.before.0.get(&named).is_some_and(|before| Some(before) == self.now.0.get(&named));
        self.has(path) || (same && !path.exists())
    }

    /// Whether everything at a path, or that a pattern means, is what it was.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let named = Named(named::without_pattern(path).to_owned());
        let readable = |content: &Content| content.values().all(Option::is_some);
        match (self.before.0.get(&named), self.now.0.get(&named)) {
            (Some(before), Some(now)) => before == now && readable(now),
            _ => false,
        }
    }
}

fn content(path: &Path) -> Content {
    let unreadable = || Content::from([(path.to_owned(), None)]);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => match fs::read_dir(path) {
            Ok(entries) => entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|file| !is_hidden(file) && file.is_file())
                .map(|file| (file.clone(), digest(&file).ok()))
                .collect(),
            Err(_) => unreadable(),
        },
        // A pipe would be emptied by looking into it.
        Ok(metadata) if metadata.is_file() => Content::from([(path.to_owned(), digest(path).ok())]),
        Ok(_) | Err(_) => unreadable(),
    }
}

fn is_hidden(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.as_encoded_bytes().first() == Some(&b'.'))
}

/// Reads piece by piece: a revocation list may be large, and a key must not stay in memory.
fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0_u8; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            break;
        }
        context.update(piece.get(..length).unwrap_or_default());
    }
    piece.zeroize();
    let mut digest = [0; 32];
    digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Ok(digest)
}

const PIECE: usize = 16 * 1024;
