//! A real redis that speaks TLS alone and asks every client for a certificate.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::World;
use crate::patience::wait_for;

/// A server that is up until it is dropped.
#[derive(Debug)]
pub struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// A server in the world's folder: `cert` with `key` is what it presents, clients must come with a certificate below
    /// `cacert`.
    ///
    /// # Panics
    /// When redis is not installed, or does not start.
    #[must_use]
    pub fn start(world: &World, cert: &str, key: &str, cacert: &str) -> Self {
        let log = world.path("redis.log");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        // Somebody else may take the port between the two; then there is another one.
        for _ in 0..10 {
            let port = free_port();
            let mut command = Command::new("redis-server");
            command.current_dir(world.folder()).args(["--port", "0", "--bind", "127.0.0.1", "--save", ""]);
            command.args(["--tls-port", &port.to_string(), "--tls-auth-clients", "yes"]);
            command.args(["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cacert]);
            let output = File::create(&log).expect("a log file");
            command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null());
            let child = command.spawn().expect("redis is installed: apt-get install redis-server");
            let mut redis = Self { child, port };
            let up = wait_for("a redis that listens", said, || {
                let ended = redis.child.try_wait().expect("a child can be waited for").is_some();
                (ended || said().contains("Ready to accept connections")).then_some(!ended)
            });
            if up {
                return redis;
            }
        }
        panic!("redis does not start:\n{}", said());
    }

    /// The port, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let held = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    held.local_addr().expect("a bound socket has an address").port()
}
