//! Whatever a server says: an answer or a reason, never a panic.

use database::Limits;
use wire::sql::{Request, ResultEncoder};

use super::{at, role, wanted, with_password};
use crate::upstream::UpstreamAddress;
use crate::upstream::frames::Frames;
use crate::upstream::sign_in::{Protected, sign_in};

/// Runs what waits for nothing but the bytes that are there.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn any_bytes_of_a_server_are_a_sign_in_or_a_reason() {
    let role = role("ann", access::Level::ReadOnly);
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
        let spec = at(UpstreamAddress::Unix("/nowhere".into()), with_password("pw"));
        let protected = Protected { verified: true, tls: true, end_point: Some(vec![1]) };
        let mut stream = tokio::io::join(bytes.as_slice(), tokio::io::sink());
        let _ = now(sign_in(&spec, &wanted(Some("ann"), &role), &protected, &mut stream));
    });
}

#[test]
fn any_bytes_of_a_server_are_results_or_a_reason_and_results_are_json() {
    let request = Request::parse(br#"{"statements":[{"sql":"SELECT 1"},{"sql":"SELECT 2"}]}"#).unwrap();
    let limits = Limits { max_rows: 3, max_result_bytes: 300, ..Limits::default() };
    bolero::check!().with_type::<Vec<(u8, Vec<u8>)>>().for_each(|messages| {
        // Messages that are framed well get further than bytes that are not.
        let tags = b"12nTDCsIEZGHNASKRV";
        let mut bytes = Vec::new();
        for (tag, body) in messages {
            bytes.push(tags[usize::from(*tag) % tags.len()]);
            bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
            bytes.extend(body);
        }
        let mut stream = bytes.as_slice();
        let mut frames = Frames::new(&mut stream, usize::MAX);
        let mut out = ResultEncoder::new(true);
        let outcome = now(crate::upstream::ask::tried(&request, &limits, &mut frames, &mut out));
        if outcome {
            let body = out.into_body();
            assert!(
                serde_json::from_slice::<serde_json::Value>(&body).is_ok(),
                "{}",
                String::from_utf8_lossy(&body)
            );
        }
    });
}
