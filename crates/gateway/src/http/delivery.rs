//! The body of an answer on its way to the peer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::pace::Delivery;
use crate::room::{SMALL, Taken};

/// The body of an answer. A large one leaves piece by piece, as the peer takes it, and holds its room until then.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    left: Bytes,
    large: Option<Large>,
}

/// What a large answer holds.
#[derive(Debug)]
pub(crate) struct Large {
    delivery: Delivery,
    _room: Taken,
}

impl Large {
    pub(crate) fn new(delivery: Delivery, room: Taken) -> Self {
        Self { delivery, _room: room }
    }
}

impl AnswerBody {
    pub(crate) fn new(bytes: Bytes, large: Option<Large>) -> Self {
        Self { left: bytes, large }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(large) = &self.large {
            large.delivery.progress();
        }
        let most = self.left.len().min(SMALL);
        let piece = self.left.split_to(most);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.left.len()).unwrap_or(u64::MAX))
    }
}
