//! Both directions between a client and a server.

use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use wire::postgres::Malformed;
use wire::postgres::border::Begun;
use wire::postgres::turns::Turns;

use super::way::{Broken, Done, Watch, Way};

/// A client and a server, and what is under way between them.
pub(super) struct Both<C, S> {
    pub(super) client: C,
    pub(super) server: S,
    /// From the client to the server.
    up: Way,
    /// Whether the client has no more to say, or the server takes no more.
    asked_all: bool,
    /// From the server to the client.
    down: Way,
    turns: Turns,
    /// Whether a client that leaves is kept from the server.
    keeps: bool,
    counted: (u64, u64),
}

/// How it was over.
#[derive(Debug)]
pub(super) enum Over {
    /// The client left, the server does not know, and nothing is under way.
    Left,
    /// The server has no more to say, and the client knows.
    Closed,
    /// The client is gone.
    ClientGone(io::Error),
    /// The server is gone.
    ServerGone(io::Error),
    /// The client says what is no message.
    ClientMalformed(Malformed),
    /// The server does.
    ServerMalformed(Malformed),
}

impl<C, S> Both<C, S>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Both, past their starts.
    pub(super) fn new(client: C, server: S, keeps: bool) -> Self {
        let (up, down, turns) = (Way::default(), Way::default(), Turns::default());
        Self { client, server, up, asked_all: false, down, turns, keeps, counted: (0, 0) }
    }

    /// Passes on what there is, both ways.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        let Self { client, server, up, asked_all, down, turns, keeps, .. } = self;
        match down.poll(cx, server, client, &mut Answering { turns }) {
            Poll::Ready(Ok(Done::Closed | Done::HeldBack)) => return Poll::Ready(Over::Closed),
            Poll::Ready(Err(Broken::From(error))) => return Poll::Ready(Over::ServerGone(error)),
            Poll::Ready(Err(Broken::To(error))) => return Poll::Ready(Over::ClientGone(error)),
            Poll::Ready(Err(Broken::Malformed(what))) => return Poll::Ready(Over::ServerMalformed(what)),
            Poll::Pending => {}
        }
        if *asked_all {
            return Poll::Pending;
        }
        let mut asking = Asking { turns, may_leave: *keeps && down.is_clear() };
        match up.poll(cx, client, server, &mut asking) {
            Poll::Ready(Ok(Done::HeldBack)) => return Poll::Ready(Over::Left),
            Poll::Ready(Err(Broken::From(error))) => return Poll::Ready(Over::ClientGone(error)),
            Poll::Ready(Err(Broken::Malformed(what))) => return Poll::Ready(Over::ClientMalformed(what)),
            // The client has no more to say, or the server hears no more: it may still have last words.
            Poll::Ready(Ok(Done::Closed) | Err(Broken::To(_))) => *asked_all = true,
            Poll::Pending => {}
        }
        Poll::Pending
    }

    /// Passes on the rest of the message that is on its way to the client, and no other. False where there is no rest to be had.
    pub(super) async fn finish_message(&mut self) -> bool {
        poll_fn(|cx| self.down.poll_rest(cx, &mut self.server, &mut self.client)).await
    }

    /// Whether nothing is under way: no request, no transaction, no part of a message.
    pub(super) fn is_at_rest(&self) -> bool {
        self.turns.is_at_rest() && self.down.is_clear() && (self.asked_all || self.up.is_clear())
    }

    /// Whether the client would read what we say next as a message of its own.
    pub(super) fn client_is_between(&self) -> bool {
        self.down.is_clear()
    }

    /// Since when the client takes nothing of what waits for it.
    pub(super) fn stalled(&self) -> Option<Instant> {
        self.down.stalled()
    }

    /// Bytes from the client and to it since this was asked last.
    pub(super) fn passed(&mut self) -> (u64, u64) {
        let (received, sent) = self.counted;
        let now = (self.up.passed(), self.down.passed());
        self.counted = now;
        (now.0 - received, now.1 - sent)
    }
}

/// Watches what a client asks.
struct Asking<'a> {
    turns: &'a mut Turns,
    /// Whether its farewell is held back where nothing is under way.
    may_leave: bool,
}

impl Watch for Asking<'_> {
    fn begins(&mut self, begun: Begun) -> ControlFlow<()> {
        if begun.tag == TERMINATE && begun.whole && self.may_leave && self.turns.is_at_rest() {
            return ControlFlow::Break(());
        }
        self.turns.asked(begun);
        ControlFlow::Continue(())
    }

    fn ends(&mut self, between: bool) -> ControlFlow<()> {
        match between && self.may_leave && self.turns.is_at_rest() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Watches what a server answers.
struct Answering<'a> {
    turns: &'a mut Turns,
}

impl Watch for Answering<'_> {
    fn begins(&mut self, begun: Begun) -> ControlFlow<()> {
        self.turns.answered(begun);
        ControlFlow::Continue(())
    }
}

const TERMINATE: u8 = b'X';
