//! A relay between sides that cut their streams anywhere, take nothing, or leave in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::pass;
use crate::administration::Pending;
use crate::ending::{EndReason, Ended};
use crate::live::Live;
use crate::session::Session;
use crate::session::tests::open;

/// A relay that runs, and its two sides.
struct Relayed {
    client: DuplexStream,
    server: DuplexStream,
    session: Arc<Session>,
    stop: CancellationToken,
    cancelled: Arc<AtomicUsize>,
    /// Whether the link may be kept.
    left: JoinHandle<bool>,
    _live: Live,
}

/// Relays between sides that take so many bytes at a time.
async fn relayed(room: usize, keeps: bool) -> Relayed {
    let (client, ours) = tokio::io::duplex(room);
    let (server, theirs) = tokio::io::duplex(room);
    let (_gateway, live) = open().await;
    let (session, stop) = (Arc::clone(live.session()), CancellationToken::new());
    let cancelled = Arc::new(AtomicUsize::default());
    let left = tokio::spawn({
        let (session, stop, cancelled) = (Arc::clone(&session), stop.clone(), Arc::clone(&cancelled));
        async move {
            let cancel = move || -> Pending<'static, ()> {
                cancelled.fetch_add(1, Ordering::Relaxed);
                Box::pin(async {})
            };
            pass(&session, (ours, theirs), keeps, &stop, &cancel).await
        }
    });
    Relayed { client, server, session, stop, cancelled, left, _live: live }
}

impl Relayed {
    async fn ask(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
        expect(&mut self.server, bytes).await;
    }

    async fn answer(&mut self, bytes: &[u8]) {
        self.server.write_all(bytes).await.unwrap();
        expect(&mut self.client, bytes).await;
    }

    fn kill(&self) {
        self.session.end.tell(Ended::new(EndReason::Killed, "by a test", Instant::now()));
    }

    /// Waits for the relay, and answers whether the link may be kept.
    async fn over(self) -> bool {
        timeout(LONG, self.left).await.unwrap().unwrap()
    }
}

async fn expect(side: &mut DuplexStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    timeout(LONG, side.read_exact(&mut read)).await.expect("it does not arrive").unwrap();
    assert_eq!(read, bytes);
}

/// What is still to be read until the end.
async fn rest(side: &mut DuplexStream) -> Vec<u8> {
    let mut read = Vec::new();
    timeout(LONG, side.read_to_end(&mut read)).await.expect("it does not end").unwrap();
    read
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// The fields of a last message.
fn fatal(message: &[u8]) -> Vec<String> {
    assert_eq!(message[0], b'E', "{:?}", String::from_utf8_lossy(message));
    assert_eq!(
        message.len(),
        usize::try_from(u32::from_be_bytes(message[1..5].try_into().unwrap())).unwrap() + 1
    );
    let fields = String::from_utf8(message[5..].to_vec()).unwrap();
    fields.split('\0').filter(|field| !field.is_empty()).map(str::to_owned).collect()
}

const LONG: Duration = Duration::from_secs(600);
const QUERY: &[u8] = b"Q\0\0\0\x0dselect 1\0";
const DONE: &[u8] = b"Z\0\0\0\x05I";
const IN_TRANSACTION: &[u8] = b"Z\0\0\0\x05T";
const TERMINATE: &[u8] = b"X\0\0\0\x04";

#[tokio::test]
async fn what_one_side_says_arrives_whole_at_the_other_however_it_is_cut() {
    for room in [1, 7, 4096] {
        let Relayed { client, server, left, _live, .. } = relayed(room, false).await;
        let (mut client_reads, mut client_writes) = tokio::io::split(client);
        let (mut server_reads, mut server_writes) = tokio::io::split(server);
        let asked: Vec<u8> = (0..200).flat_map(|size| message(b'd', &vec![7; size])).collect();
        let answered: Vec<u8> = (0..300).flat_map(|size| message(b'D', &vec![9; size])).collect();
        let (asks, answers) = (asked.clone(), answered.clone());
        let asking = async {
            client_writes.write_all(&asks).await.unwrap();
            client_writes.shutdown().await.unwrap();
        };
        let answering = async {
            server_writes.write_all(&answers).await.unwrap();
            // Also after the client has no more to say.
            let mut heard = Vec::new();
            server_reads.read_to_end(&mut heard).await.unwrap();
            server_writes.write_all(DONE).await.unwrap();
            server_writes.shutdown().await.unwrap();
            heard
        };
        let hearing = async {
            let mut heard = Vec::new();
            client_reads.read_to_end(&mut heard).await.unwrap();
            heard
        };
        let ((), heard_by_server, heard_by_client) = tokio::join!(asking, answering, hearing);
        assert_eq!(heard_by_server, asked);
        assert_eq!(heard_by_client, [&answered[..], DONE].concat());
        assert!(!left.await.unwrap());
    }
}

#[tokio::test]
async fn a_server_may_speak_unasked() {
    let mut relayed = relayed(64, false).await;
    relayed.answer(&message(b'A', b"\0\0\0\x01channel\0payload\0")).await;
    relayed.ask(QUERY).await;
}

#[tokio::test]
async fn a_client_that_leaves_while_nothing_is_under_way_leaves_the_link_behind() {
    for end in [TERMINATE, b""] {
        let mut relayed = relayed(64, true).await;
        relayed.ask(QUERY).await;
        relayed.answer(&[&message(b'C', b"SELECT 1\0"), DONE].concat()).await;
        relayed.client.write_all(end).await.unwrap();
        relayed.client.shutdown().await.unwrap();
        let mut server = std::mem::replace(&mut relayed.server, tokio::io::duplex(1).0);
        let reading = tokio::spawn(async move { rest(&mut server).await });
        assert!(relayed.over().await, "after {end:?}");
        assert_eq!(reading.await.unwrap(), b"", "the server has not heard of it");
    }
}

#[tokio::test]
async fn a_link_is_not_kept_where_anything_is_under_way_or_nobody_keeps_it() {
    let begin: [(&[u8], &[u8]); 4] = [
        (QUERY, b""),
        (QUERY, IN_TRANSACTION),
        (b"P\0\0\0\x0b\0select\0\0", b""),
        (QUERY, b"Z\0\0\0\x05I\x44\0\0"),
    ];
    for (asked, answered) in begin {
        let mut relayed = relayed(64, true).await;
        relayed.ask(asked).await;
        relayed.answer(answered).await;
        relayed.ask(TERMINATE).await;
        drop(std::mem::replace(&mut relayed.server, tokio::io::duplex(1).0));
        assert!(!relayed.over().await, "{asked:?} {answered:?}");
    }
    let mut relayed = relayed(64, false).await;
    relayed.ask(TERMINATE).await;
    drop(std::mem::replace(&mut relayed.server, tokio::io::duplex(1).0));
    assert!(!relayed.over().await);
}

#[tokio::test]
async fn neither_side_is_read_faster_than_the_other_takes() {
    for towards_client in [true, false] {
        let mut relayed = relayed(1024, false).await;
        let flood = message(b'd', &vec![1; 4 * 1024 * 1024]);
        let side = if towards_client { &mut relayed.server } else { &mut relayed.client };
        let mut written = 0;
        while let Ok(more) = timeout(Duration::from_millis(100), side.write(&flood[written..])).await {
            written += more.unwrap();
        }
        assert!(written < 256 * 1024, "{written} bytes were read of which the other side took none");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_of_what_waits_for_it_is_cut_and_one_that_is_quiet_is_not() {
    let mut relayed = relayed(1024, false).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(relayed.session.end.ended().is_none(), "a quiet session is left alone");
    let began = Instant::now();
    // It breaks off when the session is cut.
    let _ = relayed.server.write_all(&message(b'D', &[1; 8192])).await;
    let session = Arc::clone(&relayed.session);
    assert!(!relayed.over().await);
    assert_eq!(session.end.ended().unwrap().reason, EndReason::Stalled);
    // Ten seconds of patience, and the time of a farewell that nobody takes.
    assert!((Duration::from_secs(10)..Duration::from_secs(12)).contains(&began.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_is_waited_for() {
    let mut relayed = relayed(64, false).await;
    relayed.client.write_all(&message(b'd', &[1; 100])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(relayed.session.end.ended().is_none());
    expect(&mut relayed.server, &message(b'd', &[1; 100])).await;
}

#[tokio::test]
async fn an_end_finishes_the_message_in_flight_says_why_and_cancels_what_runs() {
    let mut relayed = relayed(1024, true).await;
    relayed.ask(QUERY).await;
    let row = message(b'D', &[5; 100]);
    relayed.answer(&row[..40]).await;
    relayed.kill();
    // The rest of the row is under way, and more behind it, which nobody hears.
    relayed.server.write_all(&[&row[40..], &row, DONE].concat()).await.unwrap();
    let told = rest(&mut relayed.client).await;
    assert_eq!(told[..65], row[40..]);
    let fields = fatal(&told[65..]);
    assert!(fields.contains(&"C57P01".to_owned()), "{fields:?}");
    let detail = fields.iter().find(|field| field.starts_with('D')).unwrap();
    assert!(detail.starts_with("Dcode session-ended, reason killed, refusal rf_"), "{detail}");
    assert!(
        fields.iter().any(|field| field.starts_with("Hconnect again, unless the administrator")),
        "{fields:?}"
    );
    assert_eq!(rest(&mut relayed.server).await, b"", "nothing of the client's passed after the end");
    assert_eq!(relayed.cancelled.load(Ordering::Relaxed), 1);
    assert!(!relayed.over().await);
}

#[tokio::test]
async fn an_end_between_messages_cancels_nothing_where_nothing_runs() {
    let mut relayed = relayed(1024, false).await;
    relayed.ask(QUERY).await;
    relayed.answer(DONE).await;
    relayed.kill();
    assert!(fatal(&rest(&mut relayed.client).await).contains(&"SFATAL".to_owned()));
    assert_eq!(relayed.cancelled.load(Ordering::Relaxed), 0);
    assert!(!relayed.over().await);
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_neither_for_a_client_that_takes_nothing_nor_for_the_rest_of_a_message() {
    for taken in [1, 40] {
        let mut relayed = relayed(64, false).await;
        relayed.ask(QUERY).await;
        relayed.server.write_all(&message(b'D', &[1; 1000])[..50 + taken]).await.unwrap();
        let mut read = vec![0; taken];
        relayed.client.read_exact(&mut read).await.unwrap();
        let began = Instant::now();
        relayed.kill();
        let (cancelled, mut client) =
            (Arc::clone(&relayed.cancelled), std::mem::replace(&mut relayed.client, tokio::io::duplex(1).0));
        assert!(!relayed.over().await);
        assert!(began.elapsed() <= Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(cancelled.load(Ordering::Relaxed), 1);
        let told = rest(&mut client).await;
        assert!(!told.contains(&b'F'), "no words within a message: {told:?}");
    }
}

#[tokio::test]
async fn a_node_that_goes_down_ends_a_quiet_session_at_once_and_lets_a_transaction_finish() {
    let mut quiet = relayed(1024, true).await;
    quiet.stop.cancel();
    let fields = fatal(&rest(&mut quiet.client).await);
    assert!(fields.contains(&"C57P01".to_owned()), "{fields:?}");
    assert!(fields.contains(&"Dcode session-ended, reason shutdown".to_owned()), "{fields:?}");
    assert!(!quiet.over().await);

    let mut busy = relayed(1024, true).await;
    busy.ask(QUERY).await;
    busy.stop.cancel();
    busy.answer(IN_TRANSACTION).await;
    busy.ask(QUERY).await;
    busy.answer(DONE).await;
    assert!(fatal(&rest(&mut busy.client).await).contains(&"C57P01".to_owned()));
    assert_eq!(busy.cancelled.load(Ordering::Relaxed), 0);
    assert!(!busy.over().await);
}

#[tokio::test]
async fn what_runs_for_a_session_that_is_cut_without_a_word_is_cancelled() {
    let mut relayed = relayed(1024, false).await;
    relayed.ask(QUERY).await;
    relayed.left.abort();
    assert!((&mut relayed.left).await.is_err());
    tokio::task::yield_now().await;
    assert_eq!(relayed.cancelled.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_client_that_says_what_is_no_message_hears_so_and_the_server_does_not_hear_it() {
    let mut relayed = relayed(1024, false).await;
    relayed.client.write_all(b"Q\0\0\0\x03").await.unwrap();
    assert!(fatal(&rest(&mut relayed.client).await).contains(&"C08P01".to_owned()));
    assert_eq!(rest(&mut relayed.server).await, b"");
}

#[tokio::test]
async fn a_server_that_leaves_within_a_message_takes_its_client_with_it_without_a_word_of_ours() {
    let mut relayed = relayed(1024, false).await;
    relayed.answer(&message(b'D', &[1; 100])[..50]).await;
    drop(std::mem::replace(&mut relayed.server, tokio::io::duplex(1).0));
    assert_eq!(rest(&mut relayed.client).await, b"");
}

#[tokio::test]
async fn the_last_words_of_a_server_reach_a_client_that_is_still_talking() {
    let mut relayed = relayed(64, false).await;
    let words = message(b'E', b"SFATAL\0C57P01\0Mterminated\0\0");
    relayed.server.write_all(&words).await.unwrap();
    drop(std::mem::replace(&mut relayed.server, tokio::io::duplex(1).0));
    let _ = relayed.client.write_all(QUERY).await;
    assert_eq!(rest(&mut relayed.client).await, words);
}
