use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures one TLS server on this machine with client certificates: one thread, loopback only, bounded in time.
///
/// Example:
///   countersign-bench h1 --addr 127.0.0.1:7777 --cacert realm/pki/server-ca.crt
///     --cert realm/clients/analyst.crt --key realm/clients/analyst.key
///     --path /app/query --body '{"sql":"SELECT 1"}' --expect rows --pid "$(pidof countersign)"
#[derive(Debug, Parser)]
#[command(name = "countersign-bench", version, verbatim_doc_comment)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) mode: Mode,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// TCP connect, full TLS handshake with a client certificate, one request, close: again and again.
    Handshake(Load),
    /// Requests over kept connections, HTTP/1.1, one at a time on each.
    H1(Load),
    /// Requests over kept connections, HTTP/2.
    H2 {
        #[command(flatten)]
        load: Load,
        /// Requests in flight on each connection.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
        streams: u32,
    },
    /// Memory of the server for each connection that has served one request and is idle (needs --pid).
    Idle {
        #[command(flatten)]
        target: Target,
        /// Connections to hold.
        #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        conns: u32,
        /// Seconds to wait before memory is read.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=60))]
        settle: u64,
    },
    /// Requests over kept connections, HTTP/1.1, while the server's certificate is replaced and SIGHUP is sent (needs --pid).
    Reload(Reload),
    /// From the revocation of one certificate to the last byte of every connection that presented it.
    Revoke(Revoke),
    /// Prints the medians of measurements written with --json, as a Markdown table.
    Table {
        /// Files with one JSON object per line.
        files: Vec<PathBuf>,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Connections at once.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) conns: u32,
    /// Seconds that count.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) secs: u64,
    /// Seconds before them that do not.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub(crate) warm: u64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Reload {
    #[command(flatten)]
    pub(crate) load: Load,
    /// How often each second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rate: u32,
    /// What the server reads: PLACE.crt and PLACE.key.
    #[arg(long, value_name = "PLACE")]
    pub(crate) place: PathBuf,
    /// A certificate with its key, ONE.crt and ONE.key.
    #[arg(long)]
    pub(crate) one: PathBuf,
    /// Another one; every tenth time the certificate of one is put beside the key of the other.
    #[arg(long)]
    pub(crate) two: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Connections in all.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    pub(crate) conns: u32,
    /// How many of them present the certificate that is revoked; the others present --cert.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) hit: u32,
    /// The certificate that is revoked.
    #[arg(long)]
    pub(crate) hit_cert: PathBuf,
    /// Its key.
    #[arg(long)]
    pub(crate) hit_key: PathBuf,
    /// The shell command that revokes it.
    #[arg(long)]
    pub(crate) command: String,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Target {
    /// Address of the server; loopback only.
    #[arg(long)]
    pub(crate) addr: SocketAddr,
    /// Name that its certificate must cover.
    #[arg(long, default_value = "localhost")]
    pub(crate) name: String,
    /// Authorities that the server's certificate must chain to.
    #[arg(long)]
    pub(crate) cacert: PathBuf,
    /// Client certificate, leaf first.
    #[arg(long)]
    pub(crate) cert: PathBuf,
    /// Key of the client certificate.
    #[arg(long)]
    pub(crate) key: PathBuf,
    /// Path to ask for.
    #[arg(long, default_value = "/_health")]
    pub(crate) path: String,
    /// Body to send with POST; `{id}` becomes a random number from 1 to --ids. Without it: GET.
    #[arg(long)]
    pub(crate) body: Option<String>,
    /// Largest random number for `{id}`.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) ids: u64,
    /// Text that every answer must contain.
    #[arg(long, default_value = "")]
    pub(crate) expect: String,
    /// Process id of the server, for its CPU time and memory (children are counted too).
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Key exchange and cipher that the client offers.
    #[arg(long, value_enum, default_value_t = Offer::Pinned)]
    pub(crate) offer: Offer,
    /// Verify the server in every measured handshake, not only in the first.
    #[arg(long)]
    pub(crate) verify: bool,
    /// Name of this measurement in tables.
    #[arg(long, default_value = "")]
    pub(crate) label: String,
    /// Print one JSON object instead of a row.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Offer {
    /// X25519 and AES-128-GCM alone, so that every server does the same work.
    Pinned,
    /// Whatever rustls offers, post-quantum hybrid first.
    Any,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Options::command().debug_assert();
    }
}
