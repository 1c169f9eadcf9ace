//! The end of a session before its peer was done with it: one mechanism, whatever the cause.

use std::fmt;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use fault::{Code, Refusal};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What kind of cause a session was ended for; the label in logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// A certificate on the peer's path was revoked.
    Revoked,
    /// A certificate on the peer's path has ended.
    Expired,
    /// The certificate belongs to its principal no more.
    PrincipalRemoved,
    /// A grant that the session used allows less, or nothing.
    GrantLowered,
    /// The authority that vouched for the certificate is trusted no more.
    AuthorityWithdrawn,
    /// The listener asks for other evidence than the peer gave.
    SignInChanged,
    /// The listener is no more.
    ListenerRemoved,
    /// An administrator ended it.
    Killed,
    /// Whether the certificate is revoked can be told no more, and the policy fails closed.
    RevocationUnknown,
    /// What is behind the database's name is another server now, or is reached or entered otherwise.
    UpstreamChanged,
    /// The peer took nothing of what waited for it for too long.
    Stalled,
    /// The node goes down, and has waited for the session as long as it may.
    Shutdown,
}

impl EndReason {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::PrincipalRemoved => "principal-removed",
            Self::GrantLowered => "grant-lowered",
            Self::AuthorityWithdrawn => "authority-withdrawn",
            Self::SignInChanged => "sign-in-changed",
            Self::ListenerRemoved => "listener-removed",
            Self::Killed => "killed",
            Self::RevocationUnknown => "revocation-unknown",
            Self::UpstreamChanged => "upstream-changed",
            Self::Stalled => "stalled",
            Self::Shutdown => "shutdown",
        }
    }

    /// What its peer can do about it.
    #[must_use]
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::Revoked => "connect again with another certificate; this one was taken back",
            Self::Expired => "renew the certificate, and connect again with the new one",
            Self::PrincipalRemoved => "ask an operator whose the certificate is to be, then connect again",
            Self::GrantLowered => {
                "connect again for what the grant still allows, or ask an operator for more"
            }
            Self::AuthorityWithdrawn => {
                "connect again with a certificate of an authority that is trusted here"
            }
            Self::SignInChanged => "connect again with what the listener asks for now",
            Self::ListenerRemoved => "connect to another listener of the node",
            Self::Killed => "connect again, unless the administrator who ended the session had a reason to",
            Self::RevocationUnknown => "connect again when the node's revocation lists are current",
            Self::UpstreamChanged => "connect again, to the server that the database is on now",
            Self::Stalled => "connect again, and read what is answered as it comes",
            Self::Shutdown => "connect again in a moment",
        }
    }

    /// The reason for which a chain that was accepted is refused now.
    pub(crate) fn of_chain(code: Code) -> Self {
        match code {
            Code::CertificateRevoked => Self::Revoked,
            Code::RevocationUnknown => Self::RevocationUnknown,
            Code::CertificateExpired | Code::CertificateNotYetValid => Self::Expired,
            Code::UnknownIssuer => Self::AuthorityWithdrawn,
            // The authorities are the same, and what is asked of certificates is not.
            _ => Self::SignInChanged,
        }
    }

    /// The reason for which a peer that was recognized is not recognized now.
    pub(crate) fn of_recognition(code: Code) -> Self {
        match code {
            Code::CertificateExpired => Self::Expired,
            Code::RevocationUnknown => Self::RevocationUnknown,
            Code::CertificateRequired | Code::CredentialsRequired | Code::WrongPurpose => Self::SignInChanged,
            _ => Self::PrincipalRemoved,
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a session was ended, and since when that is decided.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The kind of cause.
    pub reason: EndReason,
    /// The cause as the operator looks for it; the peer never hears it.
    pub cause: String,
    /// When it was decided.
    pub decided_at: Instant,
}

impl Ended {
    pub(crate) fn new(reason: EndReason, cause: impl Into<String>, decided_at: Instant) -> Self {
        Self { reason, cause: cause.into(), decided_at }
    }

    /// What the peer hears in place of the answer that it waits for.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(Code::SessionEnded, format!("{}: {}", self.reason, self.cause))
    }

    /// When the connection is cut, farewell or not; a farewell that has just begun gets a moment all the same.
    pub(crate) fn cut(&self) -> Instant {
        (self.decided_at + FAREWELL).max(Instant::now() + MOMENT)
    }
}

/// Whether a session has been ended; whoever serves it waits for that as well.
#[derive(Debug, Default)]
pub(crate) struct End {
    ended: OnceLock<Box<Ended>>,
    told: Notify,
}

impl End {
    /// Ends the session; the first cause stays. False where it had been ended before.
    pub(crate) fn tell(&self, ended: Ended) -> bool {
        let first = self.ended.set(Box::new(ended)).is_ok();
        self.told.notify_waiters();
        first
    }

    /// Why the session was ended, where it was.
    pub(crate) fn ended(&self) -> Option<&Ended> {
        self.ended.get().map(Box::as_ref)
    }

    /// Waits for the end.
    pub(crate) async fn told(&self) -> &Ended {
        loop {
            let mut told = pin!(self.told.notified());
            // Waiting begins before looking, so that an end between the two is not missed.
            told.as_mut().enable();
            if let Some(ended) = self.ended() {
                return ended;
            }
            told.await;
        }
    }
}

/// From the decision to the cut. With a revocation that arrives late there is less of it, never more: one second after
/// the decision not a byte passes.
const FAREWELL: Duration = Duration::from_millis(800);
/// What a farewell gets at least.
const MOMENT: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::{End, EndReason, Ended, FAREWELL, MOMENT};

    #[tokio::test]
    async fn everybody_who_waits_hears_of_the_end_and_whoever_comes_later_too() {
        let end = Arc::new(End::default());
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let end = Arc::clone(&end);
                tokio::spawn(async move { end.told().await.reason })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(end.tell(Ended::new(EndReason::Killed, "by admin", Instant::now())));
        assert!(!end.tell(Ended::new(EndReason::Expired, "too late", Instant::now())));
        for told in waiting {
            assert_eq!(told.await.unwrap(), EndReason::Killed);
        }
        assert_eq!(end.told().await.cause, "by admin", "the first cause stays");
    }

    #[tokio::test(start_paused = true)]
    async fn the_cut_is_counted_from_the_decision_and_leaves_a_moment() {
        let ended = Ended::new(EndReason::Revoked, "", Instant::now());
        assert_eq!(ended.cut(), Instant::now() + FAREWELL);
        tokio::time::advance(2 * FAREWELL).await;
        assert_eq!(ended.cut(), Instant::now() + MOMENT);
    }
}
