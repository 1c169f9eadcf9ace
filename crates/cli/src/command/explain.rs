mod certificate;
mod offline;
mod refusal;
mod shown;

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use client::Endpoint;
use fault::{Fault, Faults, NoTag};
use gateway::Named;
use time::{Duration, OffsetDateTime};

use crate::console::Console;
use crate::door::{ANALYST, Door};
use crate::exit::Exit;
use crate::loading::Configured;
use crate::shown::moment::{parse_moment, parse_span};

/// Say why: what a refusal was decided by, or how a certificate would be judged.
///
/// With the id of a refusal (rf_… from an answer or a log, ch_… from a client whose handshake was refused), or with
/// --peer, the node is asked: administrators hear everything, anybody else the code and the remedy. Where the node does
/// not answer, the realm's audit record is read. With --on, a certificate is judged by the configuration, as at the door;
/// that exits with 1 where it is refused.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign explain rf_7k3mz0q4v9x2c8bd
  countersign explain ch_cc6wtab6rgspd48j --url https://db.example.com:7777 --cert admin.crt --key admin.key --cacert server-ca.crt
  countersign explain --peer 10.0.0.7 --at 2026-11-22T11:10:50Z --within 2m
  countersign explain --cert analyst.crt --on app
  countersign explain --cert admin.crt --on control-plane --config /etc/countersign/countersign.yaml --listener h2")]
pub(crate) struct Explain {
    /// The refusal's id: rf_… or ch_….
    #[arg(value_name = "ID", value_parser = id, conflicts_with_all = ["peer", "target"])]
    id: Option<Named>,
    /// What was refused to this address, with a port or without.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "target")]
    peer: Option<Peer>,
    /// Around this moment: 2026-11-22T11:10:50Z. Otherwise until now.
    #[arg(long, value_name = "TIME", value_parser = parse_moment, requires = "peer")]
    at: Option<OffsetDateTime>,
    /// How far from that moment: 90s, 10m, 24h.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "10m")]
    within: Duration,
    /// Judge a certificate: for this database, or for `control-plane`, the administrators' routes.
    #[arg(long = "on", value_name = "TARGET", required_unless_present_any = ["id", "peer"])]
    target: Option<String>,
    /// With --on, the certificate to judge, with its intermediates; without one, a caller that presents none. Otherwise
    /// the certificate to ask the node with.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// With --on, the listener it would arrive at; otherwise the first.
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    #[command(flatten)]
    configured: Configured,
    #[command(flatten)]
    node: Node,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The node to ask.
#[derive(Args)]
#[command(next_help_heading = "The node to ask")]
struct Node {
    /// Where it is: https://HOST:PORT. Otherwise the realm's first TLS listener.
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_URL")]
    url: Option<Endpoint>,
    /// The realm that address, trust, credential and audit record are taken from where nothing else names them.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
    /// Which of the realm's clients to be; otherwise admin, where there is one.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "cert")]
    client: Option<String>,
    /// The private key of --cert; where it is encrypted, COUNTERSIGN_SSL_KEY_PASSWORD opens it.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_SSL_KEY")]
    key: Option<PathBuf>,
    /// The authority to trust the server by.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_SSL_ROOTCERT")]
    cacert: Option<PathBuf>,
}

/// Whose refusals are asked for.
#[derive(Clone, Copy, Debug)]
struct Peer {
    address: IpAddr,
    port: Option<u16>,
}

impl Explain {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let within = self.within;
        match (self.id, self.peer, self.target) {
            (Some(id), ..) => refusal::explain(console, id, self.node.door(self.cert), self.json),
            (None, Some(peer), _) => {
                let around = self.at.unwrap_or_else(|| console.now());
                let span = (around - within, self.at.unwrap_or(around) + within);
                refusal::of_peer(console, peer, span, self.node.door(self.cert), self.json)
            }
            (None, None, target) => certificate::Judged {
                cert: self.cert,
                target: target.unwrap_or_default(),
                listener: self.listener,
                configured: self.configured,
                json: self.json,
            }
            .explain(console),
        }
    }
}

impl Node {
    /// The door to ask at. The environment's certificate is presented, and never judged.
    fn door(self, cert: Option<PathBuf>) -> Door {
        let named = || cert.or_else(|| env::var_os("COUNTERSIGN_SSL_CERT").map(PathBuf::from));
        let (cert, key) = match &self.client {
            Some(_) => (None, None),
            None => (named(), self.key),
        };
        let admin = || self.realm.join("clients").join(ADMIN).with_extension("crt").is_file();
        let client = self.client.unwrap_or_else(|| if admin() { ADMIN } else { ANALYST }.to_owned());
        Door { url: self.url, realm: self.realm, client, cert, key, cacert: self.cacert }
    }
}

impl FromStr for Peer {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Ok(whole) = text.parse::<SocketAddr>() {
            return Ok(Self { address: whole.ip().to_canonical(), port: Some(whole.port()) });
        }
        let alone = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        alone.map(|address| Self { address: address.to_canonical(), port: None }).map_err(|_| {
            Fault::yours(format!("\"{text}\" is no address"))
                .remedy("write an IP address, 10.0.0.7 or 10.0.0.7:4711, as the log shows it")
        })
    }
}

fn id(text: &str) -> Result<Named, Fault> {
    text.parse().map_err(|NoTag| {
        Fault::yours(format!("\"{text}\" is no id of a refusal"))
            .remedy("an id is rf_ or ch_ and 16 letters and digits; to judge a certificate: --cert FILE --on DATABASE")
    })
}

const ADMIN: &str = "admin";
