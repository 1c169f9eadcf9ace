//! The last words to a client that does not get its session, in the words of its protocol.

use std::time::Duration;

use fault::{Code, Refusal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use wire::postgres::reply::Fatal;

use crate::refused::RefusalId;

/// A refusal as the client hears it: the code and the id in the detail, the remedy as a hint.
pub(crate) fn refusal(refusal: &Refusal, id: RefusalId, remedy: Option<&str>) -> Vec<u8> {
    let code = refusal.code();
    let detail = format!("code {code}, refusal {id}");
    let hint = remedy.unwrap_or(code.remedy());
    Fatal { sqlstate: sqlstate(code), message: refusal.sentence(), detail: &detail, hint }.to_bytes()
}

/// What is no refusal of ours: something that the client got wrong.
pub(crate) fn fault(sqlstate: &str, message: &str, hint: &str) -> Vec<u8> {
    Fatal { sqlstate, message, detail: "", hint }.to_bytes()
}

/// PostgreSQL's code for ours. What keeps somebody out before it is known who it is, is `invalid_authorization`.
fn sqlstate(code: Code) -> &'static str {
    match code {
        Code::NoGrant | Code::RoleNotAllowed | Code::ReadOnly | Code::AdminOnly | Code::NotOnAllowlist => {
            "42501"
        }
        Code::TooManyConnections | Code::RateLimited => "53300",
        Code::UpstreamUnreachable | Code::UpstreamRefused => "08001",
        Code::UpstreamSlow => "08006",
        Code::SessionEnded => "57P01",
        _ => "28000",
    }
}

/// Says them and closes, within a bounded time.
pub(crate) async fn say<S: AsyncRead + AsyncWrite + Unpin>(client: &mut S, words: &[u8]) {
    let _ = tokio::time::timeout(PATIENCE, async {
        client.write_all(words).await?;
        client.shutdown().await?;
        // Closed with something unread, the connection would be reset, and the client see that in place of the words.
        let (mut unread, mut left) = ([0; 1024], MOST_UNREAD);
        while let Ok(read @ 1..) = client.read(&mut unread).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    })
    .await;
}

/// How long a client may take to hear them.
const PATIENCE: Duration = Duration::from_secs(1);
/// How much it may still say meanwhile, in bytes.
const MOST_UNREAD: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use fault::Code;

    use super::sqlstate;

    #[test]
    fn every_code_is_told_as_one_that_clients_know_and_nobody_is_told_that_a_password_is_wrong() {
        for code in Code::ALL {
            let told = sqlstate(*code);
            assert!(told.len() == 5 && told != "28P01", "{code}");
        }
        assert_eq!(sqlstate(Code::UnmappedCertificate), "28000");
        assert_eq!(sqlstate(Code::CertificateRevoked), "28000");
    }
}
