//! A door on a free loopback port, and programs that knock.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use countersign_transport::{
    Accepted, ClientAuth, Clock, Door, DoorSpec, HandshakeFailure, Memories, SystemClock, TlsVersion, listen,
};
use identity::{Credential, Trust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

/// What a handshake came to.
pub(crate) type Outcome = Result<Accepted, HandshakeFailure>;

/// A running server: each connection gets `hello` and is closed.
pub(crate) struct Server {
    pub(crate) port: u16,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
}

/// A door that speaks HTTP over TLS 1.2 and 1.3 by the machine's clock.
pub(crate) fn spec(credential: &Arc<Credential>, client_auth: ClientAuth) -> DoorSpec {
    DoorSpec {
        credentials: vec![Arc::clone(credential)],
        client_auth,
        min_version: TlsVersion::Tls12,
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        handshake_timeout: Duration::from_secs(10),
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        memories: Memories::default(),
        online: None,
    }
}

pub(crate) async fn requiring(credential: &Arc<Credential>, trust: Arc<Trust>) -> Server {
    start(spec(credential, ClientAuth::Require(trust))).await
}

pub(crate) async fn start(spec: DoorSpec) -> Server {
    start_door(Door::new(spec).unwrap()).await
}

pub(crate) async fn start_door(door: Door) -> Server {
    let listener = listen("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, outcomes) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (door, sender) = (door.clone(), sender.clone());
            tokio::spawn(async move {
                match door.accept(tcp).await {
                    Ok(mut accepted) => {
                        greet(&mut accepted).await;
                        let _ = sender.send(Ok(accepted));
                    }
                    Err((failure, farewell)) => {
                        let _ = sender.send(Err(failure));
                        farewell.linger().await;
                    }
                }
            });
        }
    });
    Server { port, outcomes }
}

/// Answers whatever is asked with an HTTP response.
async fn greet(accepted: &mut Accepted) {
    let mut asked = [0; 1024];
    let _ = tokio::time::timeout(Duration::from_millis(300), accepted.stream.read(&mut asked)).await;
    let _ = accepted.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello\n").await;
    let _ = accepted.stream.shutdown().await;
}

impl Server {
    /// What the next handshake came to.
    pub(crate) async fn outcome(&mut self) -> Outcome {
        tokio::time::timeout(Duration::from_secs(20), self.outcomes.recv()).await.unwrap().unwrap()
    }

    pub(crate) async fn failure(&mut self) -> HandshakeFailure {
        self.outcome().await.unwrap_err()
    }

    /// Knocks with `openssl s_client`; returns all that it prints.
    pub(crate) async fn openssl(&self, arguments: &[&str]) -> String {
        let connect = format!("127.0.0.1:{}", self.port);
        let mut all = vec!["s_client", "-connect", &connect, "-ign_eof"];
        all.extend(arguments);
        run("openssl", &all).await
    }

    /// Knocks with `curl`; returns its exit code and all that it prints.
    pub(crate) async fn curl(&self, scheme: &str, arguments: &[&str]) -> String {
        let url = format!("{scheme}://localhost:{}/", self.port);
        let mut all = vec!["-sSi", "--noproxy", "*", "--ipv4", "--max-time", "10", &url];
        all.extend(arguments);
        run("curl", &all).await
    }
}

/// Runs a program to its end; its output, its errors and its exit code.
pub(crate) async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("timeout");
    command.arg("20").arg(program).args(arguments).stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}exit {}", text(&output.stdout), text(&output.stderr), output.status.code().unwrap_or(-1))
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
