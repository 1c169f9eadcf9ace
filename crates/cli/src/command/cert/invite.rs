use std::sync::Arc;

use clap::Args;
use client::{Connector, Endpoint};
use fault::{Fault, Faults};
use identity::Certificate;
use serde_json::{Value, json};
use transport::SystemClock;

use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::printable;

/// Invite somebody to ask for a certificate, once and soon. For administrators.
///
/// Prints the command for the other machine. It makes the key there and finds the server by its authority's fingerprint, so
/// that nothing is trusted blindly. The invitation itself is a secret that is shown now and never again: hand it over by
/// another way than the command.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert invite --cn reporting --as admin
  countersign cert invite --cn db --san db.example.com --profile server --ttl 1h --as admin
  countersign cert invite --cn reporting --enrol-url https://enrol.example.com:7778 --as admin")]
pub(crate) struct Invite {
    /// The common name that the certificate will have.
    #[arg(long, value_name = "NAME")]
    cn: Option<String>,
    /// A further name: a host name, an IP address, a URI or an e-mail address; may be repeated.
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,
    /// The rules: client, server, service, or a profile of the configuration.
    #[arg(long, default_value = "client")]
    profile: String,
    /// How long the certificate lasts; otherwise what the profile says.
    #[arg(long, value_name = "SPAN")]
    lifetime: Option<String>,
    /// How long the invitation lasts.
    #[arg(long, value_name = "SPAN", default_value = "15m")]
    ttl: String,
    /// Where the other machine asks, where that is another listener: one that serves enrolment.
    #[arg(long, value_name = "URL")]
    enrol_url: Option<Endpoint>,
    #[command(flatten)]
    door: Door,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Invite {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let Self { cn, san, profile, lifetime, ttl, enrol_url, door, json } = self;
        let wish =
            json!({ "common_name": cn, "sans": san, "profile": profile, "lifetime": lifetime, "ttl": ttl });
        let (mut made, command) = door.with(console, async |connector| {
            let url = enrol_url.unwrap_or_else(|| connector.endpoint().clone());
            // Before anything is made: whether the other machine could get there at all.
            let authority = connector.authority(&url).await?;
            lets_strangers_in(&url, authority.clone()).await?;
            let made = told(connector, wish).await?;
            let pin = authority.fingerprint();
            Ok((made, format!("countersign cert request --url {url} --ca-sha256 {pin} --invitation -")))
        })?;
        if json {
            if let Some(made) = made.as_object_mut() {
                made.insert("command".to_owned(), Value::from(command));
            }
            console.json(&made)?;
            return Ok(Exit::Done);
        }
        let text = |key: &str| printable(made.get(key).and_then(Value::as_str).unwrap_or_default());
        console.line(format_args!(
            "invitation {} to the profile {}, until {}",
            text("id"),
            text("profile"),
            text("expires")
        ));
        console.line(format_args!("\non the other machine:\n  {command}"));
        console.line(format_args!(
            "\nand when it asks, this secret, which is not shown again:\n  {}",
            text("invitation")
        ));
        Ok(Exit::Done)
    }
}

/// That whoever has no certificate yet is answered there: the command that is printed is for such a one.
async fn lets_strangers_in(url: &Endpoint, authority: Certificate) -> Result<(), Fault> {
    let mut stranger = Connector::new(url.clone(), Arc::new(SystemClock)).trusting(vec![authority]);
    let why = match stranger.ask(NONCE).await {
        Ok(reply) if reply.is_success() => return Ok(()),
        Ok(reply) => reply.refused(url),
        Err(fault) => fault,
    };
    Err(Fault::yours(format!(
        "{url} answers nobody without a certificate, so no invitation can be used there"
    ))
    .because(why.what())
    .remedy(format!(
        "name a listener that serves enrolment with --enrol-url; for one, add to the configuration \
             tls: {EXAMPLE_TLS} and listeners: {EXAMPLE_LISTENER}, and restart the node"
    )))
}

async fn told(connector: &mut Connector, wish: Value) -> Result<Value, Fault> {
    let reply = connector.tell(INVITATIONS, wish.to_string()).await?;
    if !reply.is_success() {
        return Err(reply.refused(connector.endpoint()));
    }
    serde_json::from_slice(reply.body())
        .map_err(|error| Fault::theirs("the answer cannot be read").because(error))
}

/// What anybody may ask for where anybody may ask for certificates.
const NONCE: &str = "/api/enrolment/nonce";
const EXAMPLE_TLS: &str = "{ enrol: { mode: authority, hosts: [HOST] } }";
const EXAMPLE_LISTENER: &str =
    "[ { name: enrol, transport: h2, address: \"0.0.0.0:7778\", tls: enrol, serves: [enrolment] } ]";
/// Where administrators invite.
pub(super) const INVITATIONS: &str = "/api/admin/security/certificates/invitations";
