//! The real curl, and its answer taken apart.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{Node, Ran};

/// One curl call in the making.
#[derive(Clone, Debug)]
pub struct Curl {
    host: String,
    port: u16,
    args: Vec<OsString>,
}

impl Curl {
    /// A call to `https://HOST:PORT/…`, where HOST leads to the node on loopback.
    #[must_use]
    pub fn to(node: &Node, host: &str) -> Self {
        Self { host: host.to_owned(), port: node.port(), args: Vec::new() }
    }

    /// A call to `https://HOST:PORT/…`, where HOST leads to loopback.
    #[must_use]
    pub fn at(port: u16, host: &str) -> Self {
        Self { host: host.to_owned(), port, args: Vec::new() }
    }

    /// Any argument as curl knows it.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// `--cacert`.
    #[must_use]
    pub fn cacert(self, file: &Path) -> Self {
        self.arg("--cacert").arg(file)
    }

    /// `--cert` and `--key`.
    #[must_use]
    pub fn cert(self, cert: &Path, key: &Path) -> Self {
        self.arg("--cert").arg(cert).arg("--key").arg(key)
    }

    /// A request header.
    #[must_use]
    pub fn header(self, header: &str) -> Self {
        self.arg("--header").arg(header)
    }

    /// A request body, sent as it is; makes the call a POST.
    #[must_use]
    pub fn body(self, body: &str) -> Self {
        self.arg("--data-binary").arg(body)
    }

    /// Makes the call.
    ///
    /// # Panics
    /// When curl cannot be run.
    pub fn get(&self, path: &str) -> Answer {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "60", "--dump-header", "-", "--write-out"])
            .arg("%{stderr}\n%{http_code} %{http_version}")
            .arg("--resolve")
            .arg(format!("{}:{}:127.0.0.1", self.host, self.port))
            .args(&self.args)
            .arg(format!("https://{}:{}{path}", self.host, self.port));
        Answer::of(Ran::from(&mut command, b""))
    }

    /// `POST /<database>/query` with this JSON.
    pub fn query(&self, database: &str, body: &str) -> Answer {
        self.clone().header("content-type: application/json").body(body).get(&format!("/{database}/query"))
    }

    /// `POST /<database>/query` with one statement.
    pub fn sql(&self, database: &str, sql: &str) -> Answer {
        self.query(database, &serde_json::json!({ "sql": sql }).to_string())
    }
}

/// What came back: from the server, or from curl itself where there was no answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Curl's exit code.
    pub exit: i32,
    /// The HTTP status; 0 where there was no answer.
    pub status: u16,
    /// The HTTP version as curl writes it: `1.1`, `2`.
    pub version: String,
    /// The header lines, in order.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
    /// What curl itself said.
    pub complaint: String,
}

impl Answer {
    fn of(ran: Ran) -> Self {
        let (complaint, last) = ran.stderr.rsplit_once('\n').unwrap_or(("", &ran.stderr));
        let (status, version) = last.split_once(' ').unwrap_or(("0", ""));
        let mut rest = ran.stdout.as_str();
        let mut headers = Vec::new();
        // Interim answers (100 Continue) come first: the last header block is the one that counts.
        while rest.starts_with("HTTP/") {
            let (block, after) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
            headers = block.lines().map(str::to_owned).collect();
            rest = after;
        }
        Self {
            exit: ran.code.unwrap_or(-1),
            status: status.parse().unwrap_or(0),
            version: version.to_owned(),
            headers,
            body: rest.to_owned(),
            complaint: complaint.to_owned(),
        }
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON: {error}\n{self:#?}"))
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// This status, or the whole story.
    ///
    /// # Panics
    /// On any other status.
    #[track_caller]
    pub fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// Status 200 and exactly this JSON.
    ///
    /// # Panics
    /// On anything else.
    #[track_caller]
    pub fn is(self, expected: &Value) -> Self {
        assert_eq!((self.status, &self.json()), (200, expected), "{self:#?}");
        self
    }

    /// A refusal: this status, message and stable code, and an id that `explain` knows.
    ///
    /// # Panics
    /// On anything else.
    #[track_caller]
    pub fn is_refused(self, status: u16, message: &str, code: &str) -> Self {
        let error = &self.with_status(status);
        let body = error.json();
        assert_eq!(body["error"]["message"], message, "{error:#?}");
        assert_eq!(body["error"]["code"], code, "{error:#?}");
        let id = body["error"]["refusal"].as_str().unwrap_or_default();
        assert!(id.starts_with("rf_") && id.len() > 6, "a refusal has an id: {error:#?}");
        error.clone()
    }

    /// An HTTP error with exactly this message.
    ///
    /// # Panics
    /// On anything else.
    #[track_caller]
    pub fn is_error(self, status: u16, message: &str) -> Self {
        let error = self.with_status(status);
        assert_eq!(error.json()["error"]["message"], message, "{error:#?}");
        error
    }

    /// No answer at all: curl ended with this code and complained in these words.
    ///
    /// # Panics
    /// On anything else.
    #[track_caller]
    pub fn failed(self, exit: i32, words: &str) -> Self {
        assert_eq!(self.exit, exit, "{self:#?}");
        assert!(self.complaint.contains(words), "expected to read {words:?}: {self:#?}");
        self
    }
}
