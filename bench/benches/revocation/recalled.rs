//! What it costs to settle a certificate by a list that was fetched, once it is in memory.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use countersign_bench::stopwatch::Stopwatch;
use identity::Verification;
use prometheus_client::registry::Registry;
use revocation::{Around, Inquiries, Metrics, Settings};
use tokio::sync::watch;
use transport::{Online as _, SystemClock};

use crate::made::{self, World};

pub(crate) fn measure(stopwatch: &Stopwatch, world: &World, list: Vec<u8>) {
    let verification = Verification { ocsp: None, allow_private_addresses: true, ..Verification::default() };
    let verified = world.verified_asking(&serve(list), verification);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _within = runtime.enter();
    let settings =
        Settings { verification, prefetch: Vec::new(), rewrites: Vec::new(), max_bytes: 256 << 20 };
    let metrics = Metrics::register(&mut Registry::default());
    let around = Around {
        past: Arc::default(),
        metrics,
        clock: Arc::new(SystemClock),
        changed: watch::Sender::new(0),
    };
    let inquiries = Inquiries::after(&[], settings, around);
    inquiries.begin();
    runtime.block_on(inquiries.ask(&verified)).unwrap();
    stopwatch.each("settle a chain by a fetched list of 1,000,000, from memory", || {
        inquiries.recall(&verified, made::now()).unwrap().unwrap()
    });
}

/// Serves the list to whoever asks, at the address that is returned.
fn serve(list: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ca.crl", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", list.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&list));
        }
    });
    url
}
