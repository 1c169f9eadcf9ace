//! A PostgreSQL that has no data: it lets everybody in and says who came. The door's own work is what is tried.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use fault::Fault;
use wire::postgres::cancel::CancelKey;
use wire::postgres::first::First;
use wire::postgres::reply;
use wire::postgres::startup::Startup;

/// The server; it lives as long as this program.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
}

impl Server {
    /// Listens on a free port of this machine.
    pub(crate) fn start() -> Result<Self, Fault> {
        let cannot = |error| Fault::theirs("a stand-in for PostgreSQL cannot be started").because(error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // However a session ends, its client sees that.
                thread::spawn(move || drop(serve(stream)));
            }
        });
        Ok(Self { address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut first = [0; First::BYTES];
    stream.read_exact(&mut first)?;
    let First::Startup(version, length) = First::of(first) else { return Ok(()) };
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let startup = Startup::parse(version, &body).map_err(io::Error::other)?;
    let mut words = Vec::new();
    reply::authentication_ok(&mut words);
    reply::parameter_status(&mut words, "session_authorization", startup.user().unwrap_or_default());
    if let Some(key) = CancelKey::new(1, b"none") {
        reply::key_data(&mut words, &key);
    }
    reply::ready(&mut words);
    stream.write_all(&words)?;
    answer(&mut stream)
}

/// Every statement is one that says nothing, until the client leaves.
fn answer(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [tag, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let length = length.checked_sub(4).filter(|length| *length <= MOST_BYTES);
        stream.read_exact(&mut vec![0; length.ok_or(io::ErrorKind::InvalidData)?])?;
        match tag {
            b'Q' => {
                let mut words = b"I\0\0\0\x04".to_vec();
                reply::ready(&mut words);
                stream.write_all(&words)?;
            }
            b'X' => return Ok(()),
            _ => {}
        }
    }
}

/// Longer than any rehearsal.
const PATIENCE: Duration = Duration::from_secs(600);
const MOST_BYTES: usize = 64 * 1024;
