//! Who was invited to ask for a first certificate.

use authority::{Allowance, Names, parse_san};
use fault::{Fault, Tag};
use identity::{Pin, Serial};
use ledger::{CertificateId, Ledger, LedgerError, NewNote, Note, Shelf};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::token::Token;

/// An invitation as the ledger keeps it: everything but its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Invitation {
    /// SHA-256 of the secret.
    secret_sha256: String,
    pub(crate) profile: String,
    pub(crate) common_name: Option<String>,
    pub(crate) sans: Vec<String>,
    pub(crate) lifetime_seconds: Option<i64>,
    /// The administrator who invited.
    pub(crate) by: String,
    /// Moments are seconds since 1970.
    pub(crate) made: i64,
    pub(crate) expires: i64,
    /// Wrong secrets that were tried on it.
    wrong: u32,
    pub(crate) used: Option<Used>,
}

/// What an invitation was used for: the key that was certified, and the certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Used {
    spki_sha256: String,
    issuer_spki_sha256: String,
    pub(crate) serial: String,
    at: i64,
}

/// An invitation in the version that was read.
pub(crate) struct Held {
    note: Note,
    pub(crate) invitation: Invitation,
}

/// Whom somebody invites, and to what.
pub(crate) struct Wanted {
    pub(crate) profile: String,
    pub(crate) names: Names,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) lasting: Duration,
    pub(crate) by: String,
}

impl Invitation {
    /// Puts an invitation on record and gives its secret, which nobody can ask for again.
    pub(crate) async fn make(
        ledger: &dyn Ledger,
        wanted: Wanted,
        now: OffsetDateTime,
    ) -> Result<(Token, Self), Fault> {
        let token = Token::draw()?;
        let Wanted { profile, names, lifetime, lasting, by } = wanted;
        let expires = now + lasting;
        let invitation = Self {
            secret_sha256: token.sha256(),
            profile,
            common_name: names.common_name,
            sans: names.sans.iter().map(ToString::to_string).collect(),
            lifetime_seconds: lifetime.map(Duration::whole_seconds),
            by,
            made: now.unix_timestamp(),
            expires: expires.unix_timestamp(),
            wrong: 0,
            used: None,
        };
        let note = NewNote {
            key: token.id().to_string(),
            text: invitation.written()?,
            expires_at: Some(expires + REMEMBERED),
            seen: None,
        };
        ledger.write_note(Shelf::Invitations, note).await?;
        Ok((token, invitation))
    }

    /// The names that it is for.
    pub(crate) fn allowance(&self) -> Result<Allowance, Fault> {
        let sans = self.sans.iter().map(|san| parse_san(san)).collect::<Result<Vec<_>, Fault>>()?;
        let names = Names { common_name: self.common_name.clone(), ..Names::default() };
        Ok(Allowance::new(names.with_sans(sans)))
    }

    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.lifetime_seconds.map(Duration::seconds)
    }

    pub(crate) fn has_expired(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= self.expires
    }

    /// Whether it was tried with so many wrong secrets that somebody is guessing.
    pub(crate) fn is_void(&self) -> bool {
        self.wrong >= MOST_WRONG
    }

    pub(crate) fn is_opened_by(&self, token: &Token) -> bool {
        token.is(&self.secret_sha256)
    }

    /// Whether it can still be used for the first time.
    pub(crate) fn is_open(&self, now: OffsetDateTime) -> bool {
        self.used.is_none() && !self.is_void() && !self.has_expired(now)
    }

    fn written(&self) -> Result<String, Fault> {
        serde_json::to_string(self)
            .map_err(|error| Fault::ours("an invitation could not be written down").because(error))
    }
}

impl Used {
    pub(crate) fn new(spki: Pin, id: &CertificateId, now: OffsetDateTime) -> Self {
        Self {
            spki_sha256: spki.to_string(),
            issuer_spki_sha256: id.issuer.to_string(),
            serial: id.serial.to_string(),
            at: now.unix_timestamp(),
        }
    }

    pub(crate) fn is_for(&self, spki: Pin) -> bool {
        self.spki_sha256 == spki.to_string()
    }

    /// Which certificate it was to become.
    pub(crate) fn id(&self) -> Result<CertificateId, Fault> {
        let broken =
            |error: identity::Malformed| Fault::ours("an invitation on record cannot be read").because(error);
        let issuer = Pin::parse(&self.issuer_spki_sha256).map_err(broken)?;
        Ok(CertificateId { issuer, serial: Serial::parse(&self.serial).map_err(broken)? })
    }

    /// Whether whoever used it may still be at it.
    pub(crate) fn is_fresh(&self, now: OffsetDateTime) -> bool {
        (now.unix_timestamp() - self.at).abs() < UNDER_WAY.whole_seconds()
    }
}

impl Held {
    pub(crate) async fn read(ledger: &dyn Ledger, id: Tag) -> Result<Option<Self>, Fault> {
        let note = ledger.note(Shelf::Invitations, id.to_string()).await?;
        note.map(Self::of).transpose()
    }

    fn of(note: Note) -> Result<Self, Fault> {
        let invitation = serde_json::from_str(&note.text)
            .map_err(|error| Fault::ours("an invitation on record cannot be read").because(error))?;
        Ok(Self { note, invitation })
    }

    /// What names it to people.
    pub(crate) fn id(&self) -> &str {
        &self.note.key
    }

    /// Notes the use; of all who try at once one succeeds, on whatever node. `false`: somebody was faster.
    pub(crate) async fn used(&self, ledger: &dyn Ledger, used: Used) -> Result<bool, Fault> {
        self.replaced(ledger, Invitation { used: Some(used), ..self.invitation.clone() }).await
    }

    /// Counts a wrong secret.
    pub(crate) async fn guessed(&self, ledger: &dyn Ledger) -> Result<(), Fault> {
        let wrong = self.invitation.wrong.saturating_add(1);
        // Who guesses at many doors at once is counted once for all of them, and is counted again next time.
        self.replaced(ledger, Invitation { wrong, ..self.invitation.clone() }).await.map(|_| ())
    }

    /// Takes it back.
    pub(crate) async fn withdraw(&self, ledger: &dyn Ledger) -> Result<bool, Fault> {
        settled(ledger.remove_note(Shelf::Invitations, self.note.key.clone(), self.note.version).await)
    }

    async fn replaced(&self, ledger: &dyn Ledger, invitation: Invitation) -> Result<bool, Fault> {
        let note = self.note.rewritten(invitation.written()?);
        settled(ledger.write_note(Shelf::Invitations, note).await.map(|_| ()))
    }
}

fn settled(written: Result<(), LedgerError>) -> Result<bool, Fault> {
    match written {
        Ok(()) => Ok(true),
        Err(LedgerError::Changed { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Every invitation on record, and how many of them are open.
pub(crate) async fn all(ledger: &dyn Ledger, now: OffsetDateTime) -> Result<(Vec<Held>, usize), Fault> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map(|held: &Held| held.note.key.clone());
        let page = ledger.notes(Shelf::Invitations, after, PAGE).await?;
        let last = page.len() < PAGE;
        for note in page {
            all.push(Held::of(note)?);
        }
        if last || all.len() >= MOST_SHOWN {
            break;
        }
    }
    let open = all.iter().filter(|held| held.invitation.is_open(now)).count();
    Ok((all, open))
}

/// So long after its end an invitation is remembered, so that whoever used it can ask again for what it gave.
const REMEMBERED: Duration = Duration::days(1);
/// So long an issue may take before it is taken for one that a crash has ended.
const UNDER_WAY: Duration = Duration::seconds(10);
const MOST_WRONG: u32 = 5;
const PAGE: usize = 500;
const MOST_SHOWN: usize = 100_000;
