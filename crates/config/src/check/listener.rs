use std::collections::HashMap;

use access::Accepted;
use fault::{Fault, nearest};

use super::tls::{SHORT, Settled};
use crate::plan::{ListenerPlan, Serves, Transport};
use crate::reader::{At, Reader};
use crate::section::listener::Listener;
use crate::sources::{LISTEN, Sources};
use crate::table::Table;

mod address;
mod postgres;

use address::{Address, parse};
pub(super) use postgres::warn_of_none;

/// The address of the one listener that the short spelling and the environment make.
const IMPLICIT: &str = ":11023";

/// The listeners of the file.
pub(super) fn plans(
    reader: &mut Reader<'_>,
    sources: &Sources,
    written: &At<Vec<At<Listener>>>,
    tls: &Settled,
) -> Vec<ListenerPlan> {
    if written.value.is_empty() {
        reader.refuse(
            written,
            "config: there are no listeners: nothing to serve",
            "write at least one listener",
        );
    }
    let mut plans = Vec::new();
    for (n, listener) in written.value.iter().enumerate() {
        plans.extend(plan(reader, n, listener, tls));
    }
    refuse_duplicates(reader, &written.value);
    refuse_unused(reader, &written.value, tls);
    if let Some(listen) = sources.setting(&LISTEN) {
        override_only(reader, &listen, &mut plans);
    }
    refuse_shared_addresses(reader, &plans);
    plans
}

/// The listener of the short spelling and of the environment.
pub(super) fn implicit(reader: &mut Reader<'_>, sources: &Sources, tls: &Settled) -> Option<ListenerPlan> {
    let profile = tls.find(SHORT).filter(|_| tls.short)?;
    let listen = sources.setting(&LISTEN);
    if let Some(at) = listen.as_ref().filter(|at| parse(&at.value).is_none()) {
        refuse_address(reader, at, "--listen");
    }
    if let Some(at) = tls.http.as_ref().filter(|at| listen.is_none() && parse(&at.value).is_none()) {
        refuse_address(reader, at, "http.securePort");
    }
    let auth = profile.client_ca.iter().map(|_| Accepted::Mtls).collect();
    let written = || tls.http.as_ref().map_or_else(|| IMPLICIT.to_owned(), |at| at.value.clone());
    Some(ListenerPlan {
        name: "https".to_owned(),
        transport: Transport::H2,
        address: listen.map_or_else(written, |at| at.value),
        tls: Some(SHORT.to_owned()),
        auth,
        serves: vec![Serves::Everything],
        plaintext_cancel: false,
        place: None,
    })
}

/// The name it is spoken of by, also where it has none.
fn called(n: usize, listener: &Listener) -> String {
    match &listener.name {
        Some(name) => format!("listener {:?}", name.value),
        None => format!("listeners[{n}]"),
    }
}

fn plan(reader: &mut Reader<'_>, n: usize, written: &At<Listener>, tls: &Settled) -> Option<ListenerPlan> {
    let listener = &written.value;
    let called = called(n, listener);
    if listener.lacks(&listener.name, "name") {
        reader.refuse(
            written,
            format!("config: {called} needs a name"),
            "write name: and a word of your own",
        );
    }
    // The rules of a transport that we do not know are not ours to apply.
    if listener.unread().contains(&"transport") {
        return None;
    }
    let address = address(reader, &called, written);
    let serves = serves(reader, &called, written);
    let plaintext_cancel = postgres::plaintext_cancel(reader, &called, written);
    let tls = profile(reader, &called, written, tls);
    let auth = auth(reader, &called, written, &serves);
    let transport = listener.transport.value;
    let name = listener.name.as_ref()?.value.clone();
    let (address, place) = (address?, written.place.clone());
    Some(ListenerPlan { name, transport, address, tls, auth, serves, plaintext_cancel, place })
}

fn address(reader: &mut Reader<'_>, called: &str, written: &At<Listener>) -> Option<String> {
    let Some(address) = &written.value.address else {
        if written.value.lacks(&written.value.address, "address") {
            let said = format!("config: {called} needs an address");
            reader.refuse(written, said, "write address: HOST:PORT, such as 127.0.0.1:7777");
        }
        return None;
    };
    if parse(&address.value).is_none() {
        refuse_address(reader, address, called);
        return None;
    }
    Some(address.value.clone())
}

/// The port of a listener's address; none where it is no `HOST:PORT`, or the system is to choose the port.
#[must_use]
pub fn fixed_port(address: &str) -> Option<u16> {
    parse(address).map(|address| address.port).filter(|port| *port != 0)
}

fn refuse_address(reader: &mut Reader<'_>, at: &At<String>, called: &str) {
    let said = format!("config: {called}: the address {:?} is not HOST:PORT", at.value);
    reader.refuse(at, said, "write it like 127.0.0.1:7777, [::1]:7777 or :7777");
}

/// The profile's name, after the rules between transport, profile and sign-ins.
fn profile(reader: &mut Reader<'_>, called: &str, written: &At<Listener>, tls: &Settled) -> Option<String> {
    let listener = &written.value;
    let transport = listener.transport.value;
    if let Some(name) = listener.tls.as_ref().filter(|name| tls.find(&name.value).is_none()) {
        refuse_unknown(reader, called, name, tls);
        return None;
    }
    // The short spelling has one profile, which then needs no name.
    let short = || (tls.short && transport != Transport::H1).then_some(SHORT);
    let name = listener.tls.as_ref().map(|at| at.value.as_str()).or_else(short);
    let found = name.and_then(|name| tls.find(name));
    if let (Transport::H1, Some(name)) = (transport, &listener.tls) {
        let said = format!("config: {called} (h1) is clear text and has the tls profile {:?}", name.value);
        reader.refuse(
            name,
            said,
            "write transport: h2, which serves HTTP/1.1 over TLS too, or leave tls out",
        );
    }
    if transport != Transport::H1 && found.is_none() {
        let said = format!("config: {called} ({}) requires a tls profile", transport.as_str());
        let remedy = match transport {
            Transport::H1 | Transport::H2 => {
                "write tls: and the name of a profile, or transport: h1 for clear text"
            }
            Transport::Postgres => "write tls: and the name of a profile",
        };
        reader.refuse(written, said, remedy);
    }
    let mtls = listener.auth.iter().flat_map(|auth| &auth.value).find(|word| word.value == Accepted::Mtls);
    if let Some(mtls) =
        mtls.filter(|_| found.is_none_or(|profile| profile.lacks(&profile.client_ca, "client_ca")))
    {
        let said = format!("config: {called}: mtls auth requires a tls profile (with client_ca)");
        reader.refuse(
            mtls,
            said,
            "add client_ca, the authorities that may vouch for clients, to the tls profile",
        );
    }
    name.filter(|_| found.is_some()).map(str::to_owned)
}

fn refuse_unknown(reader: &mut Reader<'_>, called: &str, name: &At<String>, tls: &Settled) {
    let said = format!("config: {called} references unknown tls profile {:?}", name.value);
    let known: Vec<&str> = tls.profiles.iter().map(|(name, _)| name.value.as_str()).collect();
    let remedy = match nearest(&name.value, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("add the profile under tls: (there are {})", known.join(", ")),
    };
    reader.refuse(name, said, remedy);
}

/// What it answers: everything, where nothing is written.
fn serves(reader: &mut Reader<'_>, called: &str, written: &At<Listener>) -> Vec<Serves> {
    let Some(list) = &written.value.serves else { return vec![Serves::Everything] };
    if written.value.transport.value == Transport::Postgres {
        postgres::refuse_serves(reader, called, list);
        return vec![Serves::Everything];
    }
    if list.value.is_empty() {
        let said = format!("config: {called} serves nothing");
        reader.refuse(list, said, "write serves: [everything], or leave it out");
    }
    let sealed = |word: &&At<Serves>| matches!(word.value, Serves::Enrolment | Serves::Acme);
    if let (Transport::H1, Some(word)) = (written.value.transport.value, list.value.iter().find(sealed)) {
        let said = format!("config: {called} (h1) is clear text and serves {:?}", word.value.as_str());
        reader.refuse(
            word,
            said,
            "write transport: h2 and a tls profile; only what is published goes in clear text",
        );
    }
    list.value.iter().map(|word| word.value).collect()
}

fn auth(reader: &mut Reader<'_>, called: &str, written: &At<Listener>, serves: &[Serves]) -> Vec<Accepted> {
    let remedy = "write auth: [mtls]; only auth: [none] lets anonymous peers in";
    let Some(list) = &written.value.auth else {
        // Whoever comes for this needs no name.
        if !serves.is_empty() && !serves.contains(&Serves::Everything) {
            return vec![Accepted::None];
        }
        if written.value.lacks(&written.value.auth, "auth") {
            reader.refuse(written, format!("config: {called} has no auth list"), remedy);
        }
        return Vec::new();
    };
    let mut accepted = Vec::new();
    for word in &list.value {
        if accepted.contains(&word.value) {
            let said = format!("config: {called} accepts {} twice", word.value.as_str());
            reader.refuse(word, said, "write it once");
        } else {
            accepted.push(word.value);
        }
    }
    if list.value.is_empty() {
        reader.refuse(list, format!("config: {called} has an empty auth list"), remedy);
    }
    accepted
}

fn refuse_duplicates(reader: &mut Reader<'_>, written: &[At<Listener>]) {
    let mut names = HashMap::new();
    for name in written.iter().filter_map(|listener| listener.value.name.as_ref()) {
        if names.insert(name.value.as_str(), ()).is_some() {
            reader.refuse(
                name,
                format!("config: duplicate listener {:?}", name.value),
                "give each its own name",
            );
        }
    }
}

/// A profile that nobody uses is a listener that nobody wrote.
fn refuse_unused(reader: &mut Reader<'_>, written: &[At<Listener>], tls: &Settled) {
    let uses = |listener: &At<Listener>, name: &str| match &listener.value.tls {
        Some(tls) => tls.value == name,
        None => tls.short && listener.value.transport.value != Transport::H1,
    };
    for (name, _) in &tls.profiles {
        if !written.iter().any(|listener| uses(listener, &name.value)) {
            let said = format!("config: tls profile {:?} is used by no listener", name.value);
            reader.refuse(
                name,
                said,
                format!("write tls: {} under a listener, or leave the profile out", name.value),
            );
        }
    }
}

fn override_only(reader: &mut Reader<'_>, listen: &At<String>, plans: &mut [ListenerPlan]) {
    if parse(&listen.value).is_none() {
        refuse_address(reader, listen, "--listen");
        return;
    }
    match plans {
        [only] => {
            only.address.clone_from(&listen.value);
            reader.overridden("listeners[0].address", listen);
        }
        _ => {
            let said = format!("config: --listen names no listener, and the file has {}", plans.len());
            reader.refuse(listen, said, "write the address under the listener that is meant");
        }
    }
}

fn refuse_shared_addresses(reader: &mut Reader<'_>, plans: &[ListenerPlan]) {
    let mut bound: HashMap<Address<'_>, &ListenerPlan> = HashMap::new();
    for plan in plans {
        let Some(address) = parse(&plan.address).filter(|address| address.port != 0) else { continue };
        let Some(other) = bound.insert(address, plan) else { continue };
        let said = format!(
            "config: listeners {:?} and {:?} both bind tcp {:?} (h2/h3 may share a port, but same-family listeners \
             may not)",
            other.name, plan.name, plan.address
        );
        let fault = Fault::yours(said).remedy("give each its own address");
        reader.faults.push(crate::reader::placed(fault, plan.place.as_ref()));
    }
}

/// Nobody is configured, so everyone may read and write: only this machine, unless that is said by name.
pub(super) fn check_open(reader: &mut Reader<'_>, plans: &[ListenerPlan], allowed: bool) {
    for plan in plans.iter().filter(|plan| plan.lets_strangers_in()) {
        let loopback = parse(&plan.address).is_some_and(|address| address.is_loopback());
        if loopback || allowed {
            let said = format!(
                "no principals and no grants are configured: everyone who reaches listener {:?} may read and write",
                plan.name
            );
            let fault = Fault::yours(said).remedy("write principals and grants");
            reader.warnings.push(crate::reader::placed(fault, plan.place.as_ref()));
        } else {
            let said = format!(
                "config: listener {:?} would let everyone read and write on {}: no principals and no grants are \
                 configured",
                plan.name, plan.address
            );
            let remedy = "write principals and grants, or a loopback address, or allow_open: true";
            reader.faults.push(crate::reader::placed(Fault::yours(said).remedy(remedy), plan.place.as_ref()));
        }
    }
    warn_of_nobody(reader, plans);
}

/// A listener that accepts only certificates, while no certificate belongs to anyone, is locked to all.
pub(super) fn warn_of_nobody(reader: &mut Reader<'_>, plans: &[ListenerPlan]) {
    for plan in plans.iter().filter(|plan| plan.auth == [Accepted::Mtls]) {
        let said = format!(
            "listener {:?} accepts certificates and no principal has any: nobody can sign in",
            plan.name
        );
        let fault = Fault::yours(said).remedy("write principals with mtls entries under auth.principals");
        reader.warnings.push(crate::reader::placed(fault, plan.place.as_ref()));
    }
}
