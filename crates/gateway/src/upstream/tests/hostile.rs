//! Servers that mean us harm, or are none.

use std::time::Duration;

use access::Level;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{at, cause, role, wanted, with_password};
use crate::upstream::trouble::Why;
use crate::upstream::{SslMode, Upstream, UpstreamAddress, UpstreamSpec};

/// A server that does what it is told with the first connection, and keeps it open.
async fn scripted<F: Future<Output = TcpStream> + Send>(
    script: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> UpstreamSpec {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let _open = script(stream).await;
        std::future::pending::<()>().await;
    });
    at(UpstreamAddress::Tcp { host: "127.0.0.1".into(), port }, with_password("pw"))
}

/// Hears the start-up message, then says these bytes.
async fn saying(bytes: Vec<u8>) -> UpstreamSpec {
    scripted(move |mut stream| async move {
        let length = stream.read_u32().await.unwrap();
        let mut rest = vec![0; length as usize - 4];
        stream.read_exact(&mut rest).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        stream
    })
    .await
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend(body);
    message
}

async fn refused(spec: UpstreamSpec) -> (Why, String) {
    let role = role("ann", Level::ReadWrite);
    let unreached = Upstream::new(spec).unwrap().open(&wanted(Some("ann"), &role)).await.err().unwrap();
    (unreached.why(), cause(unreached))
}

fn hasty(spec: UpstreamSpec) -> UpstreamSpec {
    UpstreamSpec { connect_timeout: Duration::from_millis(300), ..spec }
}

#[tokio::test]
async fn a_server_that_says_what_no_server_says_is_left() {
    let mut endless = message(b'R', &[0; 4]);
    for n in 0..200 {
        endless.extend(message(b'S', format!("p{n}\0{}\0", "x".repeat(5000)).as_bytes()));
    }
    let mut many = message(b'R', &[0; 4]);
    (0..1000).for_each(|n| many.extend(message(b'S', format!("p{n}\0\0").as_bytes())));
    let cases: [(&str, Vec<u8>); 9] = [
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("a length of 3", vec![b'R', 0, 0, 0, 3]),
        ("a length of 4 GB", vec![b'R', 0xff, 0xff, 0xff, 0xff]),
        ("what nobody asked for", message(b'D', &[0, 0])),
        ("a sign-in that is unknown", message(b'R', &[0, 0, 0, 99])),
        ("text that does not end", message(b'S', b"never")),
        ("more than there is to say", endless),
        ("more things than there are to say", many),
        ("rows instead of itself", [message(b'R', &[0; 4]), message(b'D', &[0, 0])].concat()),
    ];
    for (what, bytes) in cases {
        let (why, cause) = refused(saying(bytes).await).await;
        assert_eq!(why, Why::Unreachable, "{what}: {cause}");
        assert!(cause.contains("no PostgreSQL, or is broken"), "{what}: {cause}");
    }
}

#[tokio::test]
async fn a_server_that_skips_its_half_of_scram_gets_nothing() {
    let mut offer = vec![0, 0, 0, 10];
    offer.extend(b"SCRAM-SHA-256\0\0");
    let (_, cause) = refused(saying([message(b'R', &offer), message(b'R', &[0; 4])].concat()).await).await;
    assert!(cause.contains("it leaves SCRAM in the middle"), "{cause}");
    // Its first half may be played, its second shows whether it knows the password.
    let mut first = vec![0, 0, 0, 11];
    first.extend(b"r=whatever,s=c2FsdA==,i=4096");
    let (_, cause) = refused(saying([message(b'R', &offer), message(b'R', &first)].concat()).await).await;
    assert!(cause.contains("its part of SCRAM is wrong"), "{cause}");
    let other = [0, 0, 0, 10].iter().chain(b"OAUTHBEARER\0\0").copied().collect::<Vec<_>>();
    let (why, cause) = refused(saying(message(b'R', &other)).await).await;
    assert!(why == Why::Refused && cause.contains("no way to sign in that we know"), "{cause}");
}

#[tokio::test]
async fn a_servers_words_reach_the_log_without_their_control_characters_and_in_one_line() {
    let words = b"SFATAL\0C28000\0Mno\n\x1b[2Jentry\x07\0\0";
    let (why, cause) = refused(saying(message(b'E', words)).await).await;
    assert_eq!(why, Why::Refused);
    assert!(cause.contains("FATAL: no  [2Jentry"), "{cause}");
    assert!(!cause.chars().any(char::is_control), "{cause}");
    let long = [b"SFATAL\0C28000\0M".as_slice(), &[b'x'; 60_000], b"\0\0"].concat();
    let (_, cause) = refused(saying(message(b'E', &long)).await).await;
    assert!(cause.len() < 2000, "{}", cause.len());
}

#[tokio::test]
async fn a_silent_server_is_slow_and_one_that_starts_is_not_there_yet() {
    let (why, cause) = refused(hasty(saying(Vec::new()).await)).await;
    assert!(why == Why::Slow && cause.starts_with("upstream-slow: "), "{cause}");
    let silent = hasty(scripted(|stream| async { stream }).await).judged(SslMode::Require, None);
    let (why, cause) = refused(silent).await;
    assert!(why == Why::Slow && cause.contains("connect_timeout"), "{cause}");
    let starting = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let (why, cause) = refused(saying(message(b'E', starting)).await).await;
    assert!(why == Why::Unreachable && cause.contains("starting up"), "{cause}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let tcp = at(UpstreamAddress::Tcp { host: "127.0.0.1".into(), port }, with_password("pw"));
    let (why, cause) = refused(tcp).await;
    assert!(why == Why::Unreachable && cause.contains("start PostgreSQL"), "{cause}");
    assert!(cause.contains("\"orders-pg\" at 127.0.0.1:"), "{cause}");
    let unix = at(UpstreamAddress::Unix("/nowhere/.s.PGSQL.5432".into()), with_password("pw"));
    let (why, cause) = refused(unix).await;
    assert!(why == Why::Unreachable && cause.contains("no such socket"), "{cause}");
}

#[tokio::test]
async fn what_is_said_before_tls_is_never_taken_for_what_is_said_in_it() {
    // An answer to the wish for TLS with more behind it: a sign-in that nobody vouches for.
    let injected = scripted(|mut stream| async move {
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        let more = [b"S".to_vec(), message(b'R', &[0; 4]), message(b'Z', b"I")].concat();
        stream.write_all(&more).await.unwrap();
        stream
    })
    .await
    .judged(SslMode::Require, None);
    let (why, cause) = refused(injected).await;
    assert!(why == Why::Unreachable && cause.contains("TLS handshake"), "{cause}");
    // Nor is a fault that comes before TLS shown to anybody: it is not the server's word.
    let told = scripted(|mut stream| async move {
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        stream.write_all(&message(b'E', b"SFATAL\0C28000\0Msend your password to eve\0\0")).await.unwrap();
        stream
    })
    .await
    .judged(SslMode::Require, None);
    let (_, cause) = refused(told).await;
    assert!(cause.contains("no PostgreSQL") && !cause.contains("eve"), "{cause}");
}
