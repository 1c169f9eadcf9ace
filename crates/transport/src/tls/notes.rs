//! What a handshake learns on its way and rustls cannot carry to its end.
//!
//! A verifier and a resolver are shared by all connections of a listener, and rustls calls them while it is polled by
//! the task that owns the connection: the notes belong to that task.

use std::cell::RefCell;
use std::future::Future;

use fault::Refusal;
use rustls::server::ClientHello;
use rustls_pki_types::CertificateDer;

use super::hello::HelloId;

/// Notes on one handshake.
#[derive(Default)]
pub(crate) struct Notes {
    /// Why our verifier said no.
    pub(crate) refusal: Option<Refusal>,
    /// The chain that it said no to, leaf first.
    pub(crate) presented: Vec<CertificateDer<'static>>,
    /// The name that the client asked for.
    pub(crate) sni: Option<Box<str>>,
    /// The application protocols that the client offered, where none is ours.
    pub(crate) foreign_alpn: Option<String>,
    /// The id of the hello that we, as a client, sent.
    pub(crate) said: Option<HelloId>,
}

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

/// Runs a handshake, and returns its notes beside its outcome.
pub(crate) async fn taking<T>(handshake: impl Future<Output = T>) -> (T, Notes) {
    let noted = async {
        let outcome = handshake.await;
        (outcome, NOTES.with(RefCell::take))
    };
    NOTES.scope(RefCell::default(), noted).await
}

/// Notes why our verifier said no.
pub(crate) fn refused(refusal: Refusal) {
    write(|notes| notes.refusal = Some(refusal));
}

/// Notes the chain that our verifier said no to.
pub(crate) fn presented(chain: &[CertificateDer<'_>]) {
    write(|notes| notes.presented = chain.iter().map(|one| one.clone().into_owned()).collect());
}

/// Notes the id of the hello that we sent.
pub(crate) fn said(hello: HelloId) {
    write(|notes| notes.said = Some(hello));
}

/// Notes what matters of the client's first message.
pub(crate) fn greeted(hello: &ClientHello<'_>, ours: &[Vec<u8>]) {
    write(|notes| {
        notes.sni = hello.server_name().map(Into::into);
        if let Some(offered) = hello.alpn() {
            let offered: Vec<&[u8]> = offered.collect();
            if !ours.is_empty() && !offered.iter().any(|offer| ours.iter().any(|our| our == offer)) {
                notes.foreign_alpn = Some(listed(offered));
            }
        }
    });
}

/// Protocol names for a person to read.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a [u8]>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("\"{}\"", name.escape_ascii())).collect();
    names.join(", ")
}

/// Outside of [`taking`] nobody reads the notes, and none are taken.
fn write(note: impl FnOnce(&mut Notes)) {
    let _ = NOTES.try_with(|notes| note(&mut notes.borrow_mut()));
}
