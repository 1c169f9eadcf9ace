use std::io;
use std::rc::Rc;
use std::time::Instant;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::{PATIENCE, Window};
use crate::dial::Dial;
use crate::http1::Requests;

/// One connection after the other: connect, handshake, one exchange, close_notify.
pub(super) async fn worker(dial: Rc<Dial>, requests: Rc<Requests>, window: Rc<Window>, number: usize) {
    let mut buffer = Vec::with_capacity(4096);
    let mut turn = number * 131;
    while window.open() {
        let begin = Instant::now();
        turn += 1;
        match timeout(PATIENCE, once(&dial, &requests, &mut buffer, turn)).await {
            Ok(Ok(())) => window.succeeded(begin),
            Ok(Err(cause)) => window.failed(cause).await,
            Err(_) => window.failed("no answer in time").await,
        }
    }
}

async fn once(dial: &Dial, requests: &Requests, buffer: &mut Vec<u8>, turn: usize) -> io::Result<()> {
    let mut stream = dial.connect().await?;
    requests.exchange(&mut stream, buffer, turn).await?;
    // The server may have closed first; the exchange is done either way.
    let _ = stream.shutdown().await;
    Ok(())
}
