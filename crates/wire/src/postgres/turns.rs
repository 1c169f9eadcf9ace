//! Whether a server has answered all that its client asked.

use super::border::Begun;

/// Counts what a client asks and what its server answers.
///
/// Every request is answered by one `ReadyForQuery`: a query, a function call, and each `Sync` that ends a batch of the
/// extended protocol. Where a server passes over one, more is owed than will come, and the two are never at rest again: that
/// is the safe side, since whoever believed a connection to be at rest too early would read answers that are another's.
#[derive(Debug)]
pub struct Turns {
    owed: u64,
    batch: Batch,
    status: u8,
    /// Something was said that is not followed here.
    astray: bool,
}

/// What the client has sent of the extended protocol since its last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batch {
    Empty,
    /// Not ended by a `Sync` yet.
    Open(Executes),
    /// Ended by a `Sync`, and nothing since.
    Synced(Executes),
}

/// How often a batch executes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Executes {
    None,
    /// Once, and that is the last thing in it.
    OnceAtTheEnd,
    Otherwise,
}

impl Default for Turns {
    /// After the start of a session: the server has said that it is ready.
    fn default() -> Self {
        Self { owed: 0, batch: Batch::Empty, status: b'I', astray: false }
    }
}

impl Turns {
    /// A message of the client begins.
    pub fn asked(&mut self, begun: Begun) {
        let so_far = match self.batch {
            Batch::Open(executes) => executes,
            Batch::Empty | Batch::Synced(_) => Executes::None,
        };
        self.batch = match (begun.tag, so_far) {
            (b'Q' | b'F', _) => {
                self.owed += 1;
                Batch::Empty
            }
            (b'S', _) => {
                self.owed += 1;
                Batch::Synced(so_far)
            }
            // A flush ends nothing; a farewell begins nothing.
            (b'H' | b'X', _) => Batch::Open(so_far),
            (b'E', Executes::None) => Batch::Open(Executes::OnceAtTheEnd),
            // Data of a COPY belongs to the request that began it, or to nothing any more; a batch it is no part of.
            (b'd' | b'c' | b'f', _) => match self.batch {
                Batch::Empty => Batch::Empty,
                Batch::Synced(_) => Batch::Synced(Executes::Otherwise),
                Batch::Open(_) => Batch::Open(Executes::Otherwise),
            },
            (_, Executes::None) => Batch::Open(Executes::None),
            (_, Executes::OnceAtTheEnd | Executes::Otherwise) => Batch::Open(Executes::Otherwise),
        };
    }

    /// A message of the server begins.
    pub fn answered(&mut self, begun: Begun) {
        match (begun.tag, begun.first) {
            (b'Z', Some(status)) => {
                match self.owed.checked_sub(1) {
                    Some(owed) => self.owed = owed,
                    None => self.astray = true,
                }
                self.status = status;
            }
            (b'Z', None) => self.astray = true,
            (b'G', _) => self.copy_begins(),
            // Both sides send as they like from now on.
            (b'W', _) => self.astray = true,
            _ => {}
        }
    }

    /// The server waits for data. The `Sync` that the client had sent along, before it knew of that, is passed over and will be
    /// sent again after the data. Which one that is can be told where a single batch is under way, and its only `Execute`
    /// stands right before its `Sync`.
    fn copy_begins(&mut self) {
        if self.owed == 1 && self.batch == Batch::Synced(Executes::OnceAtTheEnd) {
            self.owed = 0;
            self.batch = Batch::Open(Executes::Otherwise);
        }
    }

    /// Whether the server has answered everything, and no transaction is open.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.owed == 0 && !matches!(self.batch, Batch::Open(_)) && self.status == b'I' && !self.astray
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, Turns};

    fn begun(tag: u8, first: Option<u8>) -> Begun {
        Begun { tag, first, whole: true }
    }

    /// A letter is the client's; after a `<` it is the server's, with the status where it has one.
    fn after(conversation: &str) -> bool {
        let mut turns = Turns::default();
        for word in conversation.split_whitespace() {
            match word.as_bytes() {
                [b'<', tag, status @ ..] => turns.answered(begun(*tag, Some(*status.first().unwrap_or(&0)))),
                [tag] => turns.asked(begun(*tag, None)),
                _ => panic!("{word:?} is no message"),
            }
        }
        turns.is_at_rest()
    }

    #[test]
    fn a_server_is_at_rest_when_it_has_answered_all_and_no_transaction_is_open() {
        for rests in [
            "",
            "Q <T <D <C <ZI",
            "Q <C <ZT Q <C <ZI",
            "P B D E S <1 <2 <T <D <C <ZI",
            // A pipeline: three batches before the first answer.
            "P B E S P B E S P B E S <ZI <ZI <ZI",
            // An error: the rest of the batch is passed over, its Sync is not.
            "P B E B E S <E <ZI",
            "F <V <ZI",
            // COPY in either direction by a simple query; the client gives up; data that belongs to no COPY any more.
            "Q <G d d d c <C <ZI",
            "Q <H <d <d <c <C <ZI",
            "Q <G d f <E <ZI",
            "Q <G d <E <ZI d c",
            // COPY by the extended protocol: the server passes over the first Sync.
            "P B D E S <1 <2 <n <G d d c S <C <ZI",
            "P B D E S <1 <2 <n <G d <E f S <ZI",
            // Unasked words.
            "<A <N <S Q <ZI <A",
        ] {
            assert!(after(rests), "{rests:?}");
        }
        for owes in [
            "Q",
            "Q <C <ZT",
            "Q <E <ZE",
            "P B E",
            "P B E H <1 <2 <C",
            "P B E S P B E S <ZI",
            "Q <G d",
            "P B D E S <G",
            "P B D E S <G d c",
            "P B D E S <G d c S",
            // Not every Sync is passed over: of these nobody can tell, so more is owed.
            "P B E B E S <G d c S <ZI",
            "P B E S P B E S <G d c S <ZI",
            "P B E d S <G c S <ZI",
            // An answer to nothing, and replication.
            "<ZI",
            "Q <W d <d",
            "Q <W <c c <C <ZI",
        ] {
            assert!(!after(owes), "{owes:?}");
        }
    }
}
