//! The one profile of Harper's spelling, and the variables that go with it.

use std::path::PathBuf;

use fault::{Fault, Place};

use super::short;
use super::{SHORT, Settled};
use crate::Origin;
use crate::plan::ClientCa;
use crate::reader::{At, Reader, Shape, placed};
use crate::scalar::Scalar;
use crate::section::http::{Http, HttpMtls};
use crate::section::revocation::{Revocation, Verification};
use crate::section::tls::{Mode, Profile, ShortTls, Tls};
use crate::section::top::Top;
use crate::sources::{
    Sources, TLS_CERT, TLS_CLIENT_AUTH, TLS_CLIENT_CA, TLS_ENABLED, TLS_KEY, TLS_MIN_VERSION, http,
};
use crate::table::{Table, Toggle};
use crate::yaml::{Node, Value};

pub(super) mod verification;

/// The block, where the file has it, or where variables speak of it and nothing else says what to serve.
pub(super) fn block(reader: &mut Reader<'_>, sources: &Sources, top: &Top) -> Option<At<Http>> {
    let listeners = !top.lacks(&top.listeners, "listeners");
    let profiles = matches!(top.tls.as_ref().map(|tls| &tls.value), Some(Tls::Profiles(_)));
    let Some(written) = &top.http else {
        let spoken = first(sources).filter(|_| !listeners && !profiles && !enabled(reader, sources, top));
        // A block that is written and cannot be read is no missing block: its fault is enough.
        if spoken.is_none() && top.lacks(&top.http, "http") {
            return None;
        }
        let value = nothing(reader, "http")?;
        return Some(At { value, place: spoken.and_then(|spoken| spoken.place) });
    };
    if listeners || profiles {
        let other = if listeners { "listeners" } else { "named tls profiles" };
        let said = format!("config: http makes a listener of its own, and the file has {other}");
        reader.refuse(written, said, format!("leave http out, or {other}"));
        return None;
    }
    Some(written.clone())
}

/// Whether TLS is enabled in the way of the short spelling.
fn enabled(reader: &Reader<'_>, sources: &Sources, top: &Top) -> bool {
    let by_variable = sources.setting(&TLS_ENABLED).map(|at| bool::parse(&at.value, &reader.ground));
    let by_file = match top.tls.as_ref().map(|tls| &tls.value) {
        Some(Tls::Short(block)) => block.enabled.value,
        _ => false,
    };
    by_variable.map_or(by_file, |said| said != Ok(false))
}

/// The first variable of the block that is set.
fn first(sources: &Sources) -> Option<At<String>> {
    let mut all = [&http::REQUIRED, &http::HTTP.on].into_iter().chain(http::HTTP.parts());
    all.find_map(|of| sources.setting(of))
}

/// A table with nothing written in it.
fn nothing<T: Shape>(reader: &mut Reader<'_>, path: &str) -> Option<T> {
    T::read(reader, &Node { spot: None, value: Value::Nothing }, path)
}

/// The profile of the block; its files are where `tls` says, or in `keys` beside the configuration.
pub(super) fn profile(
    reader: &mut Reader<'_>,
    sources: &Sources,
    http: &At<Http>,
    block: Option<&ShortTls>,
) -> (At<String>, Profile) {
    refuse_off(reader, sources, block);
    let written = |of: fn(&ShortTls) -> &Option<At<PathBuf>>| block.and_then(|block| of(block).clone());
    let cert =
        reader.outside(sources, &TLS_CERT, "tls.certificate").or_else(|| written(|tls| &tls.cert_file));
    let cert = cert.or_else(|| beside(reader, "tls.certificate", "keys/certificate.pem"));
    let key = reader.outside(sources, &TLS_KEY, "tls.privateKey").or_else(|| written(|tls| &tls.key_file));
    let key = key.or_else(|| beside(reader, "tls.privateKey", "keys/privateKey.pem"));
    let min_version = reader.outside(sources, &TLS_MIN_VERSION, "tls.minVersion");
    let min_version = min_version.or_else(|| block.map(|block| block.min_version.clone()));
    let asked = http.value.mtls.value.0.as_ref();
    let profile = Profile {
        mode: Some(short::unwritten(Mode::Files)),
        cert,
        key,
        service: None,
        key_password_env: None,
        key_password_file: None,
        client_ca: client_ca(reader, sources, asked.is_some() || first(sources).is_some(), block),
        client_auth: Some(client_auth(reader, sources, asked, block)),
        min_version: min_version.unwrap_or_else(|| short::unwritten("1.2".to_owned())),
        allow_x509_v1: short::unwritten(true),
        hosts: short::unwritten(Vec::new()),
        revocation: asked.and_then(|asked| revocation(reader, &asked.certificate_verification)),
        unread: Vec::new(),
    };
    (At { value: SHORT.to_owned(), place: http.place.clone() }, profile)
}

fn beside(reader: &mut Reader<'_>, key: &str, name: &str) -> Option<At<PathBuf>> {
    let path = PathBuf::parse(name, &reader.ground).ok()?;
    reader.origins.push(Origin::new(key, &path.display().to_string(), None));
    Some(At { value: path, place: None })
}

/// Clients are asked only where that is said: an authority alone, as every configuration of Harper's has it, asks nobody.
fn client_ca(
    reader: &mut Reader<'_>,
    sources: &Sources,
    asked: bool,
    block: Option<&ShortTls>,
) -> Option<At<ClientCa>> {
    if let Some(outside) = reader.outside(sources, &TLS_CLIENT_CA, "tls.certificateAuthority") {
        return Some(outside);
    }
    let written = block.and_then(|block| block.client_ca_file.clone());
    let file = match (asked, written) {
        (false, _) => return None,
        (true, Some(file)) => file,
        (true, None) => beside(reader, "tls.certificateAuthority", "keys/ca.pem")?,
    };
    Some(At { value: ClientCa::Path(file.value), place: file.place })
}

fn client_auth(
    reader: &mut Reader<'_>,
    sources: &Sources,
    asked: Option<&HttpMtls>,
    block: Option<&ShortTls>,
) -> At<String> {
    if let Some(written) = block.map(|block| &block.client_auth).filter(|at| at.place.is_some()) {
        let said = "config: tls.clientAuth and http say the same thing twice";
        reader.refuse(written, said, "leave tls.clientAuth out, and write http.mtls.required");
    }
    let outside = reader.outside(sources, &TLS_CLIENT_AUTH, "http.mtls.required");
    let word = |required: &At<bool>| At { value: said(required.value), place: required.place.clone() };
    outside
        .or_else(|| asked.map(|asked| word(&asked.required)))
        .unwrap_or_else(|| short::unwritten("require".to_owned()))
}

fn said(required: bool) -> String {
    if required { "require" } else { "request" }.to_owned()
}

fn revocation(reader: &mut Reader<'_>, written: &At<Toggle<Verification>>) -> Option<At<Revocation>> {
    written.value.0.as_ref()?;
    let mut revocation: Revocation = nothing(reader, "tls.default.revocation")?;
    revocation.verification = written.clone();
    Some(At { value: revocation, place: written.place.clone() })
}

/// The block serves HTTPS; where something says that TLS is off, one of the two is not meant.
fn refuse_off(reader: &mut Reader<'_>, sources: &Sources, block: Option<&ShortTls>) {
    let outside = sources.setting(&TLS_ENABLED);
    let off = outside.filter(|at| bool::parse(&at.value, &reader.ground) == Ok(false)).map(|at| at.place);
    let written = block.map(|block| &block.enabled).filter(|at| at.place.is_some() && !at.value);
    if let Some(place) = off.or_else(|| written.map(|at| at.place.clone())) {
        let fault = Fault::yours("config: http serves HTTPS, and tls is not enabled");
        reader.faults.push(placed(fault.remedy("leave the one or the other out"), place.as_ref()));
    }
}

/// The variables name no profile, so they can only mean the one that there is.
pub(super) fn override_profile(reader: &mut Reader<'_>, sources: &Sources, settled: &mut Settled) {
    let Some(first) = first(sources) else { return };
    let [(name, profile)] = settled.profiles.as_mut_slice() else {
        let place = first.place.as_ref().map(Place::to_string).unwrap_or_default();
        let said =
            format!("config: {place} names no tls profile, and the file has {}", settled.profiles.len());
        reader.refuse(&first, said, "write it under the profile that is meant");
        return;
    };
    let named = if settled.http.is_some() { "http.mtls".to_owned() } else { format!("tls.{}", name.value) };
    let key = if settled.http.is_some() { "required" } else { "client_auth" };
    let required = reader.outside::<bool>(sources, &http::REQUIRED, &format!("{named}.{key}"));
    if let Some(required) = required {
        require(reader, sources, &required, profile);
    }
    verification::override_by_variables(reader, sources, &named, profile);
}

fn require(reader: &mut Reader<'_>, sources: &Sources, required: &At<bool>, profile: &mut Profile) {
    if let Some(other) = sources.setting(&TLS_CLIENT_AUTH) {
        let said = "COUNTERSIGN_HTTP_MTLS_REQUIRED and COUNTERSIGN_TLS_CLIENT_AUTH say the same thing twice";
        reader.refuse(&other, said, "keep one of them");
    }
    if required.value && profile.lacks(&profile.client_ca, "client_ca") {
        let said = "COUNTERSIGN_HTTP_MTLS_REQUIRED is true and nobody may vouch for clients";
        reader.refuse(required, said, "set COUNTERSIGN_TLS_CLIENT_CA, or write client_ca in the tls profile");
    }
    if profile.client_ca.is_some() {
        profile.client_auth = Some(At { value: said(required.value), place: required.place.clone() });
    }
}
