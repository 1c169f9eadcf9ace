//! A small HTTP server whose answers a test sets, and which counts who asked.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A running server; it ends with the test.
#[derive(Clone)]
pub(crate) struct Services {
    address: SocketAddr,
    files: Arc<Mutex<HashMap<String, Served>>>,
}

#[derive(Default)]
struct Served {
    answer: Answer,
    asked: usize,
}

/// What the server says about one path.
#[derive(Clone, Default)]
pub(crate) enum Answer {
    /// The file.
    File(Vec<u8>),
    /// The file, after a while.
    Slow(Vec<u8>, Duration),
    /// Status 503.
    #[default]
    Down,
}

impl Services {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let services = Self { address: listener.local_addr().unwrap(), files: Arc::default() };
        let serving = services.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream));
            }
        });
        services
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn set(&self, path: &str, answer: Answer) {
        self.files.lock().unwrap().entry(format!("/{path}")).or_default().answer = answer;
    }

    pub(crate) fn asked(&self, path: &str) -> usize {
        self.files.lock().unwrap().get(&format!("/{path}")).map_or(0, |served| served.asked)
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !request.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let answer = {
            let mut files = self.files.lock().unwrap();
            let served = files.entry(path).or_default();
            served.asked += 1;
            served.answer.clone()
        };
        let (status, body) = match answer {
            Answer::File(bytes) => ("200 OK", bytes),
            Answer::Slow(bytes, pause) => {
                std::thread::sleep(pause);
                ("200 OK", bytes)
            }
            Answer::Down => ("503 Service Unavailable", Vec::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    }
}
