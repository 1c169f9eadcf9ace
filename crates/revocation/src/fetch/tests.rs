use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use transport::SystemClock;

use super::{Bounds, Fetcher, Request, Rewrite, Unfetched, Why};

/// A server that gives the same answer to every connection, and the requests that it read, in a channel.
fn server(
    answer: impl Fn(SocketAddr) -> Vec<u8> + Send + 'static,
) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !complete(&request) {
                match stream.read(&mut buffer) {
                    Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
            let _ = heard.send(String::from_utf8_lossy(&request).into_owned());
            let _ = stream.write_all(&answer(address));
        }
    });
    (address, requests)
}

/// Whether a request is there with its body.
fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn says(text: &'static str) -> impl Fn(SocketAddr) -> Vec<u8> + Send {
    move |_| text.as_bytes().to_vec()
}

fn fetcher(allow_private_addresses: bool, rewrites: Vec<Rewrite>) -> Fetcher {
    Fetcher::new(Bounds { max_bytes: 100, allow_private_addresses, rewrites }, Arc::new(SystemClock))
}

const LIST: Request = Request::Get { accept: "application/pkix-crl" };
const PATIENCE: Duration = Duration::from_secs(30);

async fn fetched(url: &str) -> Result<Bytes, Unfetched> {
    fetcher(true, Vec::new()).fetch(url, &LIST, PATIENCE).await
}

#[tokio::test]
async fn a_list_is_fetched_by_a_client_that_says_who_it_is() {
    let (address, requests) = server(says("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlist"));
    assert_eq!(fetched(&format!("http://{address}/a.crl?x")).await.unwrap(), "list");
    let request = requests.recv().unwrap();
    assert!(request.starts_with("GET /a.crl?x HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {address}\r\n")), "{request}");
    assert!(request.contains("user-agent: countersign/"), "{request}");
    assert!(!request.contains("accept-encoding"), "{request}");
}

#[tokio::test]
async fn a_message_is_posted_whole() {
    let (address, requests) = server(says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
    let request = Request::Post { body: "question".into(), content_type: "application/a", accept: "b/c" };
    let url = format!("http://{address}/");
    let answer = fetcher(true, Vec::new()).fetch(&url, &request, PATIENCE).await;
    assert_eq!(answer.unwrap(), "ok");
    let request = requests.recv().unwrap();
    assert!(request.starts_with("POST / HTTP/1.1\r\n") && request.ends_with("question"), "{request}");
}

#[tokio::test]
async fn an_answer_that_is_larger_than_allowed_is_refused_whether_its_length_is_told_or_not() {
    let told = |_| format!("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n{}", "x".repeat(101)).into_bytes();
    let chunked = |_| {
        let chunk = format!("32\r\n{}\r\n", "x".repeat(50)).repeat(3);
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n").into_bytes()
    };
    let until_closed = |_| format!("HTTP/1.0 200 OK\r\n\r\n{}", "x".repeat(1_000_000)).into_bytes();
    for answer in [server(told), server(chunked), server(until_closed)] {
        let error = fetched(&format!("http://{}/", answer.0)).await.unwrap_err();
        assert_eq!(error.why(), Why::TooLarge, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let outcome = fetcher(true, Vec::new()).fetch(&url, &LIST, Duration::from_millis(50)).await;
    assert_eq!(outcome.unwrap_err().why(), Why::Timeout);
}

#[tokio::test]
async fn what_is_no_answer_is_none() {
    let cases = [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "status 404"),
        ("HTTP/1.1 206 Partial Content\r\ncontent-length: 1\r\n\r\nx", "status 206"),
        ("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", "encoding"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", ""),
        ("nonsense\r\n\r\n", ""),
        ("", ""),
    ];
    for (answer, words) in cases {
        let (address, _requests) = server(says(answer));
        let error = fetched(&format!("http://{address}/")).await.unwrap_err();
        assert_eq!(error.why(), Why::Http, "{answer}: {error}");
        assert!(error.to_string().contains(words), "{answer}: {error}");
    }
}

#[tokio::test]
async fn redirects_are_followed_three_times_and_no_further() {
    let (address, _requests) = server(says("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlist"));
    let mut url = format!("http://{address}/");
    for hop in 1..=4 {
        let to = url;
        let (address, _requests) = server(move |_| {
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes()
        });
        url = format!("http://{address}/");
        match fetched(&url).await {
            Ok(bytes) => assert!(hop <= 3 && bytes == "list", "{hop}"),
            Err(error) => assert!(hop == 4 && error.why() == Why::Redirect, "{hop}: {error}"),
        }
    }
}

#[tokio::test]
async fn an_address_of_this_machine_is_refused_unless_allowed_by_whatever_name() {
    let (address, requests) = server(says("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlist"));
    let port = address.port();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "2130706433", "127.1"] {
        let url = format!("http://{host}:{port}/");
        let error = fetcher(false, Vec::new()).fetch(&url, &LIST, PATIENCE).await.unwrap_err();
        assert!(matches!(error.why(), Why::PrivateAddress | Why::Unreachable), "{host}: {error}");
    }
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_redirect_to_an_address_of_this_machine_is_refused() {
    let (inner, requests) = server(says("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlist"));
    let (mirror, _requests) = server(move |_| {
        format!("HTTP/1.1 302 Found\r\nlocation: http://{inner}/\r\ncontent-length: 0\r\n\r\n").into_bytes()
    });
    // The mirror may be asked, because the operator named it; where it leads to was not named.
    let rewrite = Rewrite { from: "http://pki.example/".to_owned(), to: format!("http://{mirror}/") };
    let outcome = fetcher(false, vec![rewrite]).fetch("http://pki.example/a.crl", &LIST, PATIENCE).await;
    assert_eq!(outcome.unwrap_err().why(), Why::PrivateAddress);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_mirror_is_asked_in_the_place_of_the_address_that_a_certificate_names() {
    let (address, requests) = server(says("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlist"));
    let rewrite = Rewrite { from: "http://pki.example/".to_owned(), to: format!("http://{address}/pki/") };
    let list = fetcher(false, vec![rewrite]).fetch("http://pki.example/a.crl", &LIST, PATIENCE).await;
    assert_eq!(list.unwrap(), "list");
    assert!(requests.recv().unwrap().starts_with("GET /pki/a.crl HTTP/1.1\r\n"));
}
