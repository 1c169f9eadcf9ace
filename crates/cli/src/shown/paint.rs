/// How output is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// With the terminal's colours.
    Colour,
    /// As it is.
    Plain,
}

impl Paint {
    /// Marks what is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Marks what is not well.
    pub(crate) fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// Marks what deserves a look.
    pub(crate) fn notable(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Marks a heading.
    pub(crate) fn heading(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}
