//! Where the stand-in authorities' lists can be fetched: a server of two lists on this machine.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fault::Fault;
use parking_lot::Mutex;

/// A distribution point; it is gone when dropped.
#[derive(Debug)]
pub(crate) struct Point {
    address: SocketAddr,
    lists: Lists,
    stopping: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

/// Lists (DER) by their path.
type Lists = Arc<Mutex<HashMap<String, Vec<u8>>>>;

impl Point {
    /// Opens one without lists.
    pub(crate) fn open() -> Result<Self, Fault> {
        let cannot = |error| Fault::theirs("no place for revocation lists can be opened").because(error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (lists, stopping) = (Lists::default(), Arc::new(AtomicBool::new(false)));
        let (served, stop) = (Arc::clone(&lists), Arc::clone(&stopping));
        let serving = thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                // A client that went away is nobody's loss.
                let _answered = stream.and_then(|stream| answer(stream, &served));
            }
        });
        Ok(Self { address, lists, stopping, serving: Some(serving) })
    }

    /// Where a list of this name can be had.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Serves a list under this name.
    pub(crate) fn publish(&self, name: &str, list: Vec<u8>) {
        self.lists.lock().insert(format!("/{name}"), list);
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // It waits for a client, so one comes.
        let _awake = TcpStream::connect(self.address);
        let _ended = self.serving.take().map(JoinHandle::join);
    }
}

/// Answers one request with one list.
fn answer(stream: TcpStream, lists: &Lists) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut asked = BufReader::new((&stream).take(MOST_ASKED));
    let mut line = String::new();
    asked.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default();
    let mut rest = String::new();
    while asked.read_line(&mut rest)? > 2 {
        rest.clear();
    }
    let found = lists.lock().get(path).cloned();
    let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
    let list = found.unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/pkix-crl\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        list.len()
    );
    (&stream).write_all(head.as_bytes())?;
    (&stream).write_all(&list)
}

const PATIENCE: Duration = Duration::from_secs(5);
const MOST_ASKED: u64 = 8 * 1024;

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::Point;

    fn get(url: &str) -> Vec<u8> {
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_list_is_served_under_its_name_and_nothing_else_is() {
        let point = Point::open().unwrap();
        point.publish("a.crl", vec![1, 2, 3]);
        assert!(get(&point.url("a.crl")).ends_with(&[1, 2, 3]));
        assert!(get(&point.url("b.crl")).starts_with(b"HTTP/1.1 404"));
    }
}
