//! The secret of an invitation, as it is handed over.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use fault::{Fault, Tag};
use zeroize::Zeroizing;

/// `invite_ID_SECRET`: which invitation it is, and 160 bits that only the invited and the inviter have seen.
///
/// The secret has no `Debug` and is wiped; the ledger knows its SHA-256 alone.
pub struct Token {
    id: Tag,
    secret: Zeroizing<String>,
}

impl Token {
    /// Draws a new one.
    ///
    /// # Errors
    /// Where the machine gives no randomness: a secret that could be guessed is none.
    pub fn draw() -> Result<Self, Fault> {
        let id = draw()?;
        Ok(Self { id, secret: Zeroizing::new(format!("{}{}", draw()?, draw()?)) })
    }

    /// Which invitation it is for; no secret.
    #[must_use]
    pub fn id(&self) -> Tag {
        self.id
    }

    /// The whole text, to be shown once.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}_{}", self.id, *self.secret))
    }

    /// What the ledger keeps of it, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        use fmt::Write as _;
        let mut hex = String::with_capacity(64);
        for byte in digest(&SHA256, self.secret.as_bytes()).as_ref() {
            // Writing to a text does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// Whether it is the one that this was kept of; takes as long whatever the answer.
    #[must_use]
    pub fn is(&self, sha256: &str) -> bool {
        verify_slices_are_equal(self.sha256().as_bytes(), sha256.as_bytes()).is_ok()
    }
}

fn draw() -> Result<Tag, Fault> {
    let mut bits = [0; Tag::BYTES];
    aws_lc_rs::rand::fill(&mut bits)
        .map_err(|_| Fault::theirs("the machine gave no randomness for an invitation"))?;
    Ok(Tag::new(bits))
}

/// White space around it does not count; letters that are misread are taken for what was meant.
impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let (id, secret) =
            text.trim().strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(NoToken)?;
        let (first, second) = secret.split_at_checked(secret.len() / 2).ok_or(NoToken)?;
        let half = |text: &str| text.parse::<Tag>().map_err(|_| NoToken);
        let secret = Zeroizing::new(format!("{}{}", half(first)?, half(second)?));
        Ok(Self { id: half(id)?, secret })
    }
}

/// The id alone.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.id)
    }
}

/// A text that is no invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoToken;

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an invitation (invite_, 16 letters and digits, _, and 32 more)")
    }
}

impl std::error::Error for NoToken {}

const PREFIX: &str = "invite_";

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_reads_back_and_is_never_drawn_twice() {
        let (a, b) = (Token::draw().unwrap(), Token::draw().unwrap());
        assert_eq!(a.text().len(), "invite_".len() + 16 + 1 + 32);
        let read: Token = format!(" {}\n", *a.text()).parse().unwrap();
        assert!(read.id() == a.id() && read.is(&a.sha256()));
        assert!(!b.is(&a.sha256()));
    }

    #[test]
    fn a_token_shows_its_secret_nowhere() {
        let token = Token::draw().unwrap();
        let text = token.text();
        let secret = text.rsplit('_').next().unwrap();
        assert!(!format!("{token:?}").contains(secret) && !token.sha256().contains(secret));
    }

    #[test]
    fn anything_else_is_no_token() {
        let text = Token::draw().unwrap().text().to_string();
        for wrong in [
            "",
            "invite_",
            "invite__",
            &text[7..],
            &text[..text.len() - 1],
            &format!("{text}0"),
            "invite_ä_ä",
        ] {
            assert!(wrong.parse::<Token>().is_err(), "{wrong}");
        }
    }
}
