//! `sslmode` means here what it means to libpq, and psql is asked.

use std::path::PathBuf;
use std::process::Command;

use testkit::{Postgres, Ran, World};

use super::{ask, at, bare, open, server, trust, with_password};
use crate::upstream::{SslMode, UpstreamAddress};

const MODES: [(SslMode, &str); 6] = [
    (SslMode::Disable, "disable"),
    (SslMode::Allow, "allow"),
    (SslMode::Prefer, "prefer"),
    (SslMode::Require, "require"),
    (SslMode::VerifyCa, "verify-ca"),
    (SslMode::VerifyFull, "verify-full"),
];

/// What came of it: whether we are in, and by TLS.
const ENCRYPTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// One server as a client sees it.
struct Seen<'a> {
    what: &'a str,
    server: &'a Postgres,
    host: &'a str,
    user: &'a str,
    /// What the client holds for its authority.
    root: Option<PathBuf>,
}

impl Seen<'_> {
    fn psql(&self, mode: &str) -> Option<String> {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--no-password"]);
        psql.env("PGHOST", self.host).env("PGPORT", self.server.port().to_string());
        psql.env("PGUSER", self.user).env("PGDATABASE", "postgres").env("PGPASSWORD", "pw");
        psql.env("PGSSLMODE", mode).env("PGGSSENCMODE", "disable").env("HOME", "/nonexistent");
        let root =
            self.root.as_ref().map_or_else(|| "/nonexistent".into(), |root| root.display().to_string());
        psql.env("PGSSLROOTCERT", root);
        let ran = Ran::from(psql.args(["--command", ENCRYPTED]).current_dir("/"), b"");
        (ran.code == Some(0)).then(|| ran.stdout.trim().to_owned())
    }

    async fn ours(&self, mode: SslMode) -> Option<String> {
        let address = UpstreamAddress::Tcp { host: self.host.into(), port: self.server.port() };
        let trust = self.root.as_deref().map(trust);
        let mut link = open(at(address, with_password("pw")).judged(mode, trust), self.user).await.ok()?;
        Some(ask(&mut link, ENCRYPTED).await.unwrap())
    }
}

#[tokio::test]
async fn every_sslmode_lets_us_in_where_it_lets_psql_in_and_nowhere_else() {
    let world = World::new();
    testkit::certificate::authority(&world, "other", "another authority");
    let (good, plain) = (server(), bare());
    let ca = Some(good.file("ca.crt"));
    let other = Some(world.path("other.crt"));
    let seen = |what, server, host, user, root: &Option<PathBuf>| Seen {
        what,
        server,
        host,
        user,
        root: root.clone(),
    };
    let cases = [
        seen("good", good, "localhost", "trusted", &ca),
        seen("good, and no root at hand", good, "localhost", "trusted", &None),
        // An address of this machine that is none of the certificate's names.
        seen("another name", good, "127.0.0.2", "trusted", &ca),
        seen("another authority", good, "localhost", "trusted", &other),
        seen("TLS off", plain, "localhost", "trusted", &ca),
        seen("lets in without TLS alone", good, "localhost", "plain_only", &ca),
        seen("wants a password, another authority", good, "localhost", "scram", &other),
    ];
    for case in &cases {
        for (mode, word) in MODES {
            if case.root.is_none() && matches!(mode, SslMode::VerifyCa | SslMode::VerifyFull) {
                continue;
            }
            assert_eq!(case.ours(mode).await, case.psql(word), "{}: {word}", case.what);
        }
    }
}

#[test]
fn without_roots_nothing_that_verifies_is_built() {
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let address = UpstreamAddress::Tcp { host: "localhost".into(), port: 1 };
        let built = crate::upstream::Upstream::new(at(address, with_password("pw")).judged(mode, None));
        assert!(built.err().unwrap().to_string().contains("ssl_rootcert"));
    }
}
