use bytes::Bytes;
use fault::Fault;
use http::StatusCode;
use serde::Deserialize;

use crate::Endpoint;

/// What the door answered.
#[derive(Clone, Debug)]
pub struct Reply {
    status: StatusCode,
    body: Bytes,
}

/// The envelope of every "no", and of every SQL fault.
#[derive(Deserialize)]
struct Envelope {
    error: Said,
    failed_index: Option<usize>,
}

#[derive(Deserialize)]
struct Said {
    message: String,
    code: Option<serde_json::Value>,
    refusal: Option<String>,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, body: Bytes) -> Self {
        Self { status, body }
    }

    /// Whether the status says yes.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The body as sent.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body where it holds an answer.
    ///
    /// # Errors
    /// What SQLite said, or why the door refused, with the remedy.
    pub(crate) fn answer(self, endpoint: &Endpoint) -> Result<Bytes, Fault> {
        // An answer begins with its columns; only a small body can be an envelope, so a large answer is not parsed twice.
        let envelope = if self.status.is_success() && !self.body.starts_with(b"{\"error\"") {
            return Ok(self.body);
        } else {
            serde_json::from_slice::<Envelope>(&self.body).ok()
        };
        Err(match envelope {
            Some(envelope) if self.status.is_success() => envelope.sql_fault(),
            Some(envelope) => envelope.refusal(self.status, endpoint),
            None => foreign(self.status, endpoint),
        })
    }

    /// The fault behind a status that does not say yes.
    #[must_use]
    pub fn refused(&self, endpoint: &Endpoint) -> Fault {
        match serde_json::from_slice::<Envelope>(&self.body) {
            Ok(envelope) => envelope.refusal(self.status, endpoint),
            Err(_) => foreign(self.status, endpoint),
        }
    }

    /// The id by which the server knows why it said no.
    #[must_use]
    pub fn refusal_id(&self) -> Option<String> {
        serde_json::from_slice::<Envelope>(&self.body).ok()?.error.refusal
    }
}

impl Envelope {
    fn sql_fault(self) -> Fault {
        let at = self.failed_index.map(|index| format!("statement {index}: ")).unwrap_or_default();
        let fault = Fault::theirs(format!("{at}{}", self.error.message));
        match self.error.code {
            Some(code) => fault.because(format!("SQLite error {code}")),
            None => fault,
        }
    }

    fn refusal(self, status: StatusCode, endpoint: &Endpoint) -> Fault {
        let mut fault = Fault::theirs(format!("{endpoint} refused: {}", self.error.message));
        let code = self.error.code.as_ref().and_then(serde_json::Value::as_str);
        let known = code.and_then(|code| fault::Code::ALL.iter().find(|known| known.as_str() == code));
        fault = match code {
            Some(code) => fault.because(format!("{code} (HTTP {})", status.as_u16())),
            None => fault.because(format!("HTTP {}", status.as_u16())),
        };
        let explain = self.error.refusal.as_ref().map(|id| format!("countersign explain {id}"));
        if let Some(id) = self.error.refusal {
            fault = fault.because(format!("the server knows why, as {id}"));
        }
        match (known.map(|code| code.remedy()), explain) {
            (Some(remedy), Some(explain)) => fault.remedy(format!("{remedy}; all of it: {explain}")),
            (Some(remedy), None) => fault.remedy(remedy),
            (None, Some(explain)) => fault.remedy(explain),
            (None, None) => fault,
        }
    }
}

/// Not what a door answers.
fn foreign(status: StatusCode, endpoint: &Endpoint) -> Fault {
    Fault::theirs(format!("{endpoint} answered {status} and nothing that countersign says"))
        .remedy("check the URL: something else may be listening there")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::Reply;
    use crate::Endpoint;

    fn fault(status: u16, body: &'static str) -> String {
        let reply = Reply::new(StatusCode::from_u16(status).unwrap(), Bytes::from_static(body.as_bytes()));
        reply.answer(&Endpoint::https("localhost", 7777)).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_code_id_and_remedy() {
        let body = r#"{"error":{"message":"forbidden: read-only (write not permitted)","code":"read-only","refusal":"rf_1"}}"#;
        let said = fault(403, body);
        for part in [
            "forbidden: read-only",
            "read-only (HTTP 403)",
            "as rf_1",
            "try: raise the grant",
            "countersign explain rf_1",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn a_fault_of_sql_arrives_with_status_200() {
        let said = fault(
            200,
            r#"{"error":{"message":"no such table: x","code":1,"extended_code":1},"failed_index":2}"#,
        );
        assert_eq!(said, "statement 2: no such table: x\n  cause: SQLite error 1");
    }

    #[test]
    fn a_stranger_on_the_port_is_recognized_as_one() {
        let said = fault(404, "<html>");
        assert!(
            said.contains("answered 404 Not Found") && said.contains("something else may be listening"),
            "{said}"
        );
    }
}
