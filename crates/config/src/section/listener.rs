//! `listeners`: where peers arrive.

use access::Accepted;

use crate::plan::{Serves, Transport};
use crate::reader::At;
use crate::scalar::{Ground, Scalar, Wrong, unknown};
use crate::table::{shapes, table};

table! {
    /// An address where peers arrive, and what is asked of them.
    Listener at "listeners[]" {
        /// Its name in logs, metrics and faults.
        name: String;
        /// What is spoken there.
        transport: Transport = "h2";
        /// `HOST:PORT`; an empty host means every interface.
        address: String;
        /// The TLS profile.
        tls: String;
        /// What is accepted as a sign-in. `none` lets anonymous peers in; it is tried last.
        auth: Vec<At<Accepted>>;
        /// What it answers; left out: everything. A listener that serves less needs no `auth`, and one that serves only what
        /// is `published` may well be in clear text.
        serves: Vec<At<Serves>>;
        /// For transport `postgres`: whether a request to cancel is honoured that comes in clear text, as libpq before 17 sends
        /// it. Whoever sees one on its way can cancel that session's statements.
        plaintext_cancel: bool = "false";
        later "allow_cleartext_credentials" "service" "socket_mode" "advertise" "proxy_protocol";
    }
}

/// Ways to sign in that a later version will know.
const LATER: &[&str] = &["bearer", "password", "keyring", "session", "jwt", "peercred"];

impl Scalar for Accepted {
    fn kind() -> String {
        "`mtls` or `none`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        match text {
            "mtls" => Ok(Self::Mtls),
            "none" => Ok(Self::None),
            later if LATER.contains(&later) => Err(Wrong::later()),
            _ => Err(unknown(text, &["mtls", "none"])),
        }
    }
}

shapes! { Accepted }
