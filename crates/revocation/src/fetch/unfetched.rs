use std::fmt;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfetched {
    why: Why,
    said: String,
}

impl Unfetched {
    pub(crate) fn new(why: Why, said: impl Into<String>) -> Self {
        Self { why, said: said.into() }
    }

    /// What kind of trouble it was.
    pub(crate) fn why(&self) -> Why {
        self.why
    }
}

impl fmt::Display for Unfetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Unfetched {}

/// Kinds of trouble, as a metric's label says them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    /// The URL is none that can be asked.
    Url,
    /// The address is one of this machine or of a private network.
    PrivateAddress,
    /// The name, the connection or the handshake failed.
    Unreachable,
    /// No answer came in time.
    Timeout,
    /// The answer is larger than it may be.
    TooLarge,
    /// There were too many redirects, or one that cannot be followed.
    Redirect,
    /// The server said something other than the answer.
    Http,
}

impl Why {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Url => "bad-url",
            Self::PrivateAddress => "private-address",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::Redirect => "redirect",
            Self::Http => "http-error",
        }
    }
}
