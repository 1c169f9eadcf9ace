//! An authority's services: a small HTTP server for lists and OCSP, which a test switches and which counts who asked.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::World;

/// A running server on 127.0.0.1; it ends with the test.
#[derive(Clone, Debug)]
pub struct Services {
    address: SocketAddr,
    paths: Arc<Mutex<HashMap<String, Path>>>,
}

/// What is served at one path, and the requests that came.
#[derive(Debug, Default)]
struct Path {
    answer: Answer,
    requests: Vec<Request>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its head, as it came.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// What the server says at one path.
#[derive(Clone, Debug, Default)]
pub enum Answer {
    /// These bytes.
    File(Vec<u8>),
    /// These bytes, after a while.
    Slow(Vec<u8>, Duration),
    /// Status 503.
    #[default]
    Down,
    /// Nothing, without closing the connection.
    Silence,
    /// Bytes without end.
    Endless,
    /// A redirect to this address.
    Elsewhere(String),
    /// OCSP, as `openssl ocsp` answers.
    Ocsp(Responder),
}

/// A responder: files of a world, and what it knows.
#[derive(Clone, Debug)]
pub struct Responder {
    folder: PathBuf,
    authority: String,
    signer: String,
    more: String,
    index: String,
}

impl Responder {
    /// Answers for the authority `CA.crt`, signing with `SIGNER.crt` and `SIGNER.key`. It knows no certificate yet.
    #[must_use]
    pub fn of(world: &World, authority: &str, signer: &str) -> Self {
        Self {
            folder: world.folder().to_owned(),
            authority: authority.to_owned(),
            signer: signer.to_owned(),
            more: "-nmin 60".to_owned(),
            index: String::new(),
        }
    }

    /// Knows the certificate of this serial number as good.
    #[must_use]
    pub fn good(mut self, serial: &str) -> Self {
        self.index += &format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN=good\n");
        self
    }

    /// Knows the certificate of this serial number as revoked.
    #[must_use]
    pub fn revoked(mut self, serial: &str) -> Self {
        self.index +=
            &format!("R\t491231235959Z\t250101000000Z,keyCompromise\t{serial}\tunknown\t/CN=revoked\n");
        self
    }

    /// Further arguments of `openssl ocsp`, instead of `-nmin 60`.
    #[must_use]
    pub fn with(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    fn answer(&self, question: &[u8]) -> Vec<u8> {
        let own = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| own.path().join(name).display().to_string();
        for (name, content) in [("index", self.index.as_bytes()), ("question", question)] {
            std::fs::write(path(name), content).expect("a file in a temporary folder");
        }
        let Self { folder, authority, signer, more, .. } = self;
        let script = format!(
            "openssl ocsp -index {} -CA {authority}.crt -rsigner {signer}.crt -rkey {signer}.key {more} -reqin {} -respout {}",
            path("index"),
            path("question"),
            path("answer")
        );
        let mut bash = std::process::Command::new("bash");
        crate::Ran::from(bash.arg("-c").arg(script).current_dir(folder), b"").succeeded();
        std::fs::read(path("answer")).expect("an answer of openssl")
    }
}

impl Services {
    /// Starts it; every path is down until a test says otherwise.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let services = Self { address, paths: Arc::default() };
        let serving = services.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        services
    }

    /// The address of a path, such as `clients.crl`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Says this at a path from now on.
    pub fn set(&self, path: &str, answer: Answer) {
        self.paths().entry(format!("/{path}")).or_default().answer = answer;
    }

    /// How often a path was asked for.
    #[must_use]
    pub fn asked(&self, path: &str) -> usize {
        self.requests(path).len()
    }

    /// The requests that came for a path.
    #[must_use]
    pub fn requests(&self, path: &str) -> Vec<Request> {
        self.paths().get(&format!("/{path}")).map_or_else(Vec::new, |path| path.requests.clone())
    }

    fn paths(&self) -> MutexGuard<'_, HashMap<String, Path>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) {
        let Some(request) = read(&mut stream) else { return };
        let path = request.head.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = request.body.clone();
        let answer = {
            let mut paths = self.paths();
            let path = paths.entry(path).or_default();
            path.requests.push(request);
            path.answer.clone()
        };
        // A client that has heard enough leaves; that is its right.
        let _ = say(&mut stream, answer, &body);
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
                return Some(Request { head, body: bytes[end + 4..].to_vec() });
            }
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

fn say(stream: &mut TcpStream, answer: Answer, question: &[u8]) -> std::io::Result<()> {
    match answer {
        Answer::File(body) => whole(stream, "200 OK", "", &body),
        Answer::Slow(body, pause) => {
            std::thread::sleep(pause);
            whole(stream, "200 OK", "", &body)
        }
        Answer::Down => whole(stream, "503 Service Unavailable", "", b""),
        Answer::Elsewhere(url) => whole(stream, "302 Found", &format!("location: {url}\r\n"), b""),
        Answer::Ocsp(responder) => whole(stream, "200 OK", "", &responder.answer(question)),
        Answer::Silence => {
            // Until the client leaves.
            let _ = stream.read(&mut [0; 1]);
            Ok(())
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[0; 16 * 1024])?;
            }
        }
    }
}

fn whole(stream: &mut TcpStream, status: &str, header: &str, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
