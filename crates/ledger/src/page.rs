/// Where a page ended; the next one begins behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub(crate) i64);

impl Cursor {
    /// The cursor as a number, for a URL or a flag.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// The cursor that [`number`](Self::number) gave.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The cursor that the parameter `after` of a URL says.
    ///
    /// # Errors
    /// It is none; the text says where one comes from.
    pub fn parse(after: &str) -> Result<Self, String> {
        let number = after.parse().map_err(|_| "after is the \"next\" of the page before".to_owned())?;
        Ok(Self(number))
    }
}

/// A part of a longer answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, newest first.
    pub entries: Vec<T>,
    /// Where to go on, if there is more.
    pub next: Option<Cursor>,
}

impl Page<()> {
    /// How many entries a page holds where the caller does not say.
    pub const DEFAULT_LIMIT: usize = 100;
    /// How many it holds at most.
    pub const MAX_LIMIT: usize = 10_000;
}
