//! Saying who we are, as a client of PostgreSQL does.
//!
//! A server that lets us in without a password is believed, as libpq believes it. Where it wants one:
//!
//! - SCRAM-SHA-256 is answered on every connection: it gives the password to nobody, and the server proves that it knows it
//!   too. Over TLS it is bound to the server's certificate where the server offers that, so that nobody sits in between.
//! - In clear text it is sent only over TLS to a server that is vouched for.
//! - MD5 is never answered: what goes over the wire is enough to guess the password by, and what the server keeps is enough
//!   to sign in with.

use std::io;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncWrite};

use super::frames::{Frames, strange};
use super::said::Said;
use super::trouble::Unreached;
use super::{Identifies, UpstreamSpec, Wanted, cancel::Key, link, trouble};

/// What is known of a connection before anybody signs in on it.
pub(super) struct Protected {
    /// TLS with a server that somebody whom we trust vouches for.
    pub(super) verified: bool,
    /// Whether it is TLS at all.
    pub(super) tls: bool,
    /// What the server's certificate binds to the connection.
    pub(super) end_point: Option<Vec<u8>>,
}

/// A server that lets us in.
pub(super) struct SignedIn {
    pub(super) parameters: Vec<(Box<str>, Box<str>)>,
    pub(super) key: Option<Key>,
}

/// A sign-in that failed.
pub(super) enum NotIn {
    /// The server said so, before it had let us in; what libpq tries next depends on it.
    Told(Box<Said>),
    /// Something else.
    Else(Unreached),
}

/// Signs in; afterwards the server waits for the first statement.
pub(super) async fn sign_in<S: AsyncRead + AsyncWrite + Unpin>(
    spec: &UpstreamSpec,
    wanted: &Wanted<'_>,
    protected: &Protected,
    stream: &mut S,
) -> Result<SignedIn, NotIn> {
    let broke = |error: io::Error| NotIn::Else(trouble::of_io(spec, &error));
    let mut frames = Frames::new(stream, MOST_SAID);
    frames.say(&hello(spec, wanted).map_err(broke)?).await.map_err(broke)?;
    authenticate(spec, protected, &mut frames, &broke).await?;
    settle(&mut frames, &broke).await
}

fn hello(spec: &UpstreamSpec, wanted: &Wanted<'_>) -> io::Result<BytesMut> {
    let mut hello = BytesMut::new();
    frontend::startup_message(wanted.said(&spec.database), &mut hello)?;
    Ok(hello)
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    spec: &UpstreamSpec,
    protected: &Protected,
    frames: &mut Frames<'_, S>,
    broke: &impl Fn(io::Error) -> NotIn,
) -> Result<(), NotIn> {
    let will_not = |what: &str, remedy: &str| Err(NotIn::Else(trouble::will_not(spec, what, remedy)));
    match frames.next().await.map_err(broke)? {
        Message::AuthenticationOk => Ok(()),
        Message::ErrorResponse(told) => Err(NotIn::Told(Box::new(Said::of(told.fields())))),
        Message::AuthenticationSasl(offered) => {
            let offer = Offer::of(&offered).map_err(broke)?;
            scram(spec, protected, offer, frames, broke).await
        }
        Message::AuthenticationCleartextPassword if !protected.verified => will_not(
            "it wants the password in clear text, and who it is is not known",
            "set sslmode: verify-full, or let the server ask for scram-sha-256 in pg_hba.conf",
        ),
        Message::AuthenticationCleartextPassword => {
            let mut answer = BytesMut::new();
            frontend::password_message(password(spec)?, &mut answer).map_err(broke)?;
            frames.say(&answer).await.map_err(broke)?;
            let_in(frames, broke).await
        }
        Message::AuthenticationMd5Password(_) => will_not(
            "it wants the password as MD5, which we do not give",
            "set password_encryption = 'scram-sha-256' in the server, set the password again, and ask for scram-sha-256 in pg_hba.conf",
        ),
        Message::AuthenticationGss | Message::AuthenticationSspi | Message::AuthenticationKerberosV5 => {
            will_not(
                "it wants Kerberos, which we do not speak",
                "let the service's roles in by cert or scram-sha-256 in pg_hba.conf",
            )
        }
        _ => Err(broke(strange("it does not say how to sign in"))),
    }
}

fn password(spec: &UpstreamSpec) -> Result<&[u8], NotIn> {
    let missing = |what: &str, remedy: &str| NotIn::Else(trouble::will_not(spec, what, remedy));
    match &spec.identity {
        Identifies::Shared(shared) => {
            shared.password.as_ref().map(identity::Secret::expose).ok_or_else(|| {
                missing(
                    "it wants a password, and the service has none",
                    "write password: SOURCE:NAME in the service",
                )
            })
        }
        Identifies::PerPrincipal(_) => Err(missing(
            "it wants a password, and principals come by certificates",
            "write \"hostssl DATABASE ROLE ADDRESS/32 cert map=countersign\" in the server's pg_hba.conf, above what asks for a password",
        )),
    }
}

/// Which of the ways that we know a server offers.
#[derive(Clone, Copy)]
struct Offer {
    plain: bool,
    bound: bool,
}

impl Offer {
    fn of(offered: &AuthenticationSaslBody) -> io::Result<Self> {
        let mut offer = Self { plain: false, bound: false };
        let mut mechanisms = offered.mechanisms();
        while let Some(mechanism) = mechanisms.next()? {
            offer.plain |= mechanism == SCRAM_SHA_256;
            offer.bound |= mechanism == SCRAM_SHA_256_PLUS;
        }
        Ok(offer)
    }

    /// The best that both sides can. That we could bind and the server does not offer it is said, and signed: whoever has
    /// taken the offer out in between is found out.
    fn best(self, protected: &Protected) -> Option<(&'static str, ChannelBinding)> {
        match (&protected.end_point, self) {
            (Some(end_point), Self { bound: true, .. }) if protected.tls => {
                Some((SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(end_point.clone())))
            }
            (Some(_), Self { plain: true, .. }) if protected.tls => {
                Some((SCRAM_SHA_256, ChannelBinding::unrequested()))
            }
            (_, Self { plain: true, .. }) => Some((SCRAM_SHA_256, ChannelBinding::unsupported())),
            _ => None,
        }
    }
}

async fn scram<S: AsyncRead + AsyncWrite + Unpin>(
    spec: &UpstreamSpec,
    protected: &Protected,
    offer: Offer,
    frames: &mut Frames<'_, S>,
    broke: &impl Fn(io::Error) -> NotIn,
) -> Result<(), NotIn> {
    let Some((mechanism, binding)) = offer.best(protected) else {
        let what = "it offers no way to sign in that we know (SCRAM-SHA-256, SCRAM-SHA-256-PLUS)";
        return Err(NotIn::Else(trouble::will_not(
            spec,
            what,
            "ask for scram-sha-256 in the server's pg_hba.conf",
        )));
    };
    let mut scram = ScramSha256::new(password(spec)?, binding);
    let mut answer = BytesMut::new();
    frontend::sasl_initial_response(mechanism, scram.message(), &mut answer).map_err(broke)?;
    frames.say(&answer).await.map_err(broke)?;
    match frames.next().await.map_err(broke)? {
        Message::AuthenticationSaslContinue(body) => {
            scram.update(body.data()).map_err(|why| broke(wrong(&why)))?;
        }
        Message::ErrorResponse(told) => return Err(NotIn::Told(Box::new(Said::of(told.fields())))),
        _ => return Err(broke(strange("it leaves SCRAM in the middle"))),
    }
    answer.clear();
    frontend::sasl_response(scram.message(), &mut answer).map_err(broke)?;
    frames.say(&answer).await.map_err(broke)?;
    match frames.next().await.map_err(broke)? {
        Message::AuthenticationSaslFinal(body) => {
            scram.finish(body.data()).map_err(|why| broke(wrong(&why)))?;
        }
        Message::ErrorResponse(told) => return Err(NotIn::Told(Box::new(Said::of(told.fields())))),
        // Without the server's proof nobody knows that it is the one that the password was set in.
        _ => return Err(broke(strange("it does not show that it knows the password"))),
    }
    let_in(frames, broke).await
}

fn wrong(why: &io::Error) -> io::Error {
    strange(&format!("its part of SCRAM is wrong: {why}"))
}

async fn let_in<S: AsyncRead + AsyncWrite + Unpin>(
    frames: &mut Frames<'_, S>,
    broke: &impl Fn(io::Error) -> NotIn,
) -> Result<(), NotIn> {
    match frames.next().await.map_err(broke)? {
        Message::AuthenticationOk => Ok(()),
        Message::ErrorResponse(told) => Err(NotIn::Told(Box::new(Said::of(told.fields())))),
        _ => Err(broke(strange("it does not say whether we are in"))),
    }
}

/// Hears what the server says of itself until it waits for us. That it refuses us is possible still: the database may be
/// missing.
async fn settle<S: AsyncRead + AsyncWrite + Unpin>(
    frames: &mut Frames<'_, S>,
    broke: &impl Fn(io::Error) -> NotIn,
) -> Result<SignedIn, NotIn> {
    let mut signed_in = SignedIn { parameters: Vec::with_capacity(16), key: None };
    loop {
        match frames.next().await.map_err(broke)? {
            Message::ParameterStatus(status) if signed_in.parameters.len() < MOST_PARAMETERS => {
                let (name, value) = (status.name().map_err(broke)?, status.value().map_err(broke)?);
                link::note(&mut signed_in.parameters, name, value);
            }
            Message::BackendKeyData(key) => {
                signed_in.key = Some(Key::new(key.process_id(), key.secret_key()));
            }
            Message::NoticeResponse(_) => {}
            Message::ReadyForQuery(_) => return Ok(signed_in),
            Message::ErrorResponse(told) => return Err(NotIn::Told(Box::new(Said::of(told.fields())))),
            _ => return Err(broke(strange("it says what nobody has asked for"))),
        }
    }
}

/// What a server may say until we are in, in bytes: some thousand are customary.
const MOST_SAID: usize = 256 * 1024;
/// How many things it may say of itself: a dozen and a half are customary.
const MOST_PARAMETERS: usize = 200;
