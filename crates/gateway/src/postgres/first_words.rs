//! What a client says first within TLS.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use wire::postgres::Malformed;
use wire::postgres::cancel::CancelKey;
use wire::postgres::first::First;
use wire::postgres::startup::{Startup, Version};

/// What a client wants.
pub(super) enum Wants {
    /// A session.
    Session(Startup),
    /// That a statement which runs elsewhere be stopped.
    Cancel(CancelKey),
}

/// Why a client did not say what it wants.
pub(super) enum Unsaid {
    /// It went away.
    Gone,
    /// It speaks another version of the protocol than 3.
    Version(Version),
    /// What it said is no start-up message.
    Malformed(Malformed),
}

/// Reads the first message, and not a byte more. Its length is bounded before anything of it is read.
pub(super) async fn first_words<S: AsyncRead + Unpin>(client: &mut S) -> Result<Wants, Unsaid> {
    let mut first = [0; First::BYTES];
    client.read_exact(&mut first).await?;
    match First::of(first) {
        First::Startup(version, length) if version.major == Version::NEWEST.major => {
            let startup = Startup::parse(version, &rest(client, length).await?);
            startup.map(Wants::Session).map_err(Unsaid::Malformed)
        }
        First::Startup(version, _) => Err(Unsaid::Version(version)),
        First::Cancel(length) => {
            let key = CancelKey::parse(&rest(client, length).await?);
            key.map(Wants::Cancel).ok_or(Unsaid::Gone)
        }
        // Encryption within encryption is nothing that a client asks for.
        First::Tls | First::Gss | First::Foreign => Err(Unsaid::Malformed(Malformed::LENGTH)),
    }
}

async fn rest<S: AsyncRead + Unpin>(client: &mut S, length: usize) -> io::Result<Vec<u8>> {
    let mut rest = vec![0; length];
    client.read_exact(&mut rest).await?;
    Ok(rest)
}

impl From<io::Error> for Unsaid {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}
