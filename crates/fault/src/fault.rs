use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Whose doing a fault is; it decides the exit code and the log level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// What the operator wrote or asked for: exit code 2.
    Yours,
    /// The other end, or the world (network, clock, disk): exit code 1.
    Theirs,
    /// A defect of ours: exit code 1.
    Ours,
}

/// Where a fault was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A file as a whole.
    File(PathBuf),
    /// A position in a file; line and column count from 1.
    Position {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// An environment variable, a flag, an address: anything that has a name and no file.
    Name(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Position { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// An error that says what failed, where, why, whose doing it was, and what to do next.
///
/// Messages begin in lower case, carry no full stop, and put the user's own words in double quotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    blame: Blame,
}

impl Fault {
    /// A fault in what the operator wrote or asked for.
    #[must_use]
    pub fn yours(what: impl Into<String>) -> Self {
        Self::new(what, Blame::Yours)
    }

    /// A fault of the other end or of the world.
    #[must_use]
    pub fn theirs(what: impl Into<String>) -> Self {
        Self::new(what, Blame::Theirs)
    }

    /// A defect of ours.
    #[must_use]
    pub fn ours(what: impl Into<String>) -> Self {
        Self::new(what, Blame::Ours)
    }

    fn new(what: impl Into<String>, blame: Blame) -> Self {
        Self { what: what.into(), place: None, causes: Vec::new(), remedy: None, blame }
    }

    /// Names the file it was found in.
    #[must_use]
    pub fn in_file(self, path: impl AsRef<Path>) -> Self {
        self.at(Place::File(path.as_ref().to_owned()))
    }

    /// Names the place it was found at; the first place named is kept, because it is the innermost.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// Adds the machine's own words for why, outermost first.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What failed, without place, cause and remedy.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Whose doing it was.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.blame
    }

    /// Where it was found.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Why, outermost first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to do next.
    #[must_use]
    pub fn remedy_text(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl std::error::Error for Fault {}

/// Several faults found in one look, so that the reader mends them in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// No faults yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Adds all of another look.
    pub fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults);
    }

    /// Keeps the value, or notes the fault and yields nothing.
    pub fn note<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.push(fault);
                None
            }
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults in the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// `Ok(value)` where nothing was found.
    ///
    /// # Errors
    /// All faults, where there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl std::error::Error for Faults {}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
