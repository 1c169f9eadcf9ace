//! `databases`: what is served.

use std::path::PathBuf;

use super::access::Grant;
use crate::plan::{Backend, OpenMode};
use crate::reader::At;
use crate::scalar::{Ground, Scalar, Wrong, unknown};
use crate::table::{shapes, table};

table! {
    /// A database that is served at `/<name>/query`.
    Database at "databases[]" {
        /// ASCII letters, digits, `-`, `.` and `_`, not beginning with `_`.
        name: String;
        /// Where it is kept; `ledger` serves the views of the node's own ledger, for reading alone, whatever grants say.
        backend: Backend = "file";
        /// For backend `file`: the file.
        path: PathBuf;
        /// For backend `postgres`: the service that it is on.
        service: String;
        /// For backend `postgres`: the names by which a client's handshake chooses it (SNI), beside its name.
        hosts: Vec<At<String>> = "";
        /// How the file is opened.
        mode: OpenMode = "rwc";
        /// Settings that suit a server (WAL, a busy timeout, foreign keys), or SQLite's own.
        pragmas_preset: Recommended = "recommended";
        /// Who may do what.
        grants: Vec<At<Grant>> = "";
        later "pool" "pragmas" "vault";
    }
}

/// Whether a database is opened with the settings that suit a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recommended(pub(crate) bool);

impl Scalar for Recommended {
    fn kind() -> String {
        "`recommended` or `sqlite`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        match text {
            "recommended" => Ok(Self(true)),
            "sqlite" | "" => Ok(Self(false)),
            _ => Err(unknown(text, &["recommended", "sqlite"])),
        }
    }
}

shapes! { Recommended }
