//! Entering a real PostgreSQL, and servers that mean us harm.

mod any;
mod asked;
mod hostile;
mod kept;
mod modes;
mod real;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use access::{Accepted, Directory, GrantSpec, Grants, Level, Role, RoleRules};
use bytes::BytesMut;
use identity::{Credential, PrivateKey, Strictness, Trust, certificates_from_pem};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use testkit::Postgres;
use testkit::postgres::Setting;
use transport::{Clock as _, SystemClock};

use super::frames::Frames;
use super::{
    Identifies, Link, SharedIdentity, SslMode, Unreached, Upstream, UpstreamAddress, UpstreamSpec, Wanted,
};

/// A server that lets in: `trusted` and `plain_only` for the asking, by TLS and without it; `scram`, `bound` and `clear` by
/// the password `pw`, `md5` by MD5; `ann` and `analyst` by certificate, the latter by what pg_ident.conf maps.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Postgres::with(Setting { conf: "listen_addresses = '127.0.0.1, 127.0.0.2'", hba: HBA });
        users(&server);
        server
    })
}

/// A server without TLS.
fn bare() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let hba = "host all trusted 127.0.0.1/32 trust\nhost all scram 127.0.0.1/32 scram-sha-256\n\
                   host all clear 127.0.0.1/32 password";
        let server = Postgres::with(Setting { conf: "ssl = off", hba });
        users(&server);
        server
    })
}

fn users(server: &Postgres) {
    server.sql(
        "postgres",
        "CREATE ROLE trusted LOGIN; CREATE ROLE plain_only LOGIN; CREATE ROLE ann LOGIN; CREATE ROLE analyst LOGIN;
         CREATE ROLE scram LOGIN PASSWORD 'pw'; CREATE ROLE clear LOGIN PASSWORD 'pw';
         SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD 'pw';",
    );
}

const HBA: &str = "hostssl all trusted 127.0.0.0/8 trust
hostnossl all plain_only 127.0.0.1/32 trust
host all scram 127.0.0.1/32 scram-sha-256
host all clear 127.0.0.1/32 password
host all md5 127.0.0.1/32 md5
hostssl all ann 127.0.0.1/32 cert
hostssl all analyst 127.0.0.1/32 cert map=countersign
local all scram scram-sha-256";

fn trust(file: &Path) -> Arc<Trust> {
    let anchors = certificates_from_pem(&fs::read(file).unwrap()).unwrap();
    Arc::new(Trust::new(anchors, Strictness::default()))
}

fn credential(certificate: &Path, key: &Path) -> Arc<Credential> {
    let chain = certificates_from_pem(&fs::read(certificate).unwrap()).unwrap();
    let key = PrivateKey::from_pem(&fs::read(key).unwrap(), None).unwrap();
    Arc::new(Credential::new(chain, key).unwrap())
}

fn with_password(password: &str) -> Identifies {
    Identifies::Shared(SharedIdentity { credential: None, password: Some(password.to_owned().into()) })
}

/// How a server of the test is reached, judged in full.
fn spec(server: &Postgres, identity: Identifies) -> UpstreamSpec {
    at(UpstreamAddress::Tcp { host: "localhost".into(), port: server.port() }, identity)
        .judged(SslMode::VerifyFull, Some(trust(&server.file("ca.crt"))))
}

fn at(address: UpstreamAddress, identity: Identifies) -> UpstreamSpec {
    UpstreamSpec {
        service: "orders-pg".into(),
        address,
        database: "postgres".into(),
        sslmode: SslMode::Disable,
        trust: None,
        identity,
        roles: RoleRules::OwnName,
        connect_timeout: Duration::from_secs(60),
        most: 0,
        most_per_principal: 0,
        warm: None,
        clock: Arc::new(SystemClock),
    }
}

impl UpstreamSpec {
    fn judged(self, sslmode: SslMode, trust: Option<Arc<Trust>>) -> Self {
        Self { sslmode, trust, ..self }
    }
}

/// A role, earned as clients earn it: everybody has a grant of the level, and the level has the role.
fn role(name: &str, level: Level) -> Role {
    let directory = Directory::new(Vec::new()).unwrap();
    let grants = Grants::new(vec![GrantSpec::new("orders", "*", level)], &directory).unwrap();
    let now = SystemClock.now();
    let peer = access::recognize(&directory, &[Accepted::None], None, now).unwrap();
    let permit = access::admit(&peer, &grants, "orders", now).unwrap();
    RoleRules::ByLevel(BTreeMap::from([(level, name.to_owned())])).choose(&permit, None, "").unwrap()
}

fn wanted<'a>(principal: Option<&'a str>, role: &'a Role) -> Wanted<'a> {
    Wanted { principal, role, replication: None, parameters: &[] }
}

async fn open(spec: UpstreamSpec, user: &str) -> Result<Link, Unreached> {
    let role = role(user, Level::ReadWrite);
    Upstream::new(spec).unwrap().open(&wanted(Some("ann"), &role)).await
}

/// The first column of the first row, or what the server said.
async fn ask(link: &mut Link, sql: &str) -> Result<String, String> {
    let mut frames = Frames::new(&mut link.stream, 1 << 20);
    let mut query = BytesMut::new();
    frontend::query(sql, &mut query).unwrap();
    frames.say(&query).await.map_err(|error| error.to_string())?;
    let mut answer = Ok(String::new());
    loop {
        use fallible_iterator::FallibleIterator as _;
        match frames.next().await.map_err(|error| error.to_string())? {
            Message::DataRow(row) => {
                let range = row.ranges().next().unwrap().flatten();
                answer = Ok(range.map_or_else(String::new, |range| {
                    String::from_utf8_lossy(&row.buffer()[range]).into_owned()
                }));
            }
            Message::ErrorResponse(told) => answer = Err(super::said::Said::of(told.fields()).shown()),
            Message::ReadyForQuery(_) => return answer,
            _ => {}
        }
    }
}

fn cause(unreached: Unreached) -> String {
    fault::Refusal::from(unreached).to_string()
}
