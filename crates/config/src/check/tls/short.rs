//! The one profile of the short spelling and of the environment.

use fault::{Fault, Place};

use super::SHORT;
use crate::plan::ClientCa;
use crate::reader::{At, Reader};
use crate::section::tls::{Mode, Profile, ShortTls};
use crate::sources::{
    Outside, Sources, TLS_CERT, TLS_CLIENT_AUTH, TLS_CLIENT_CA, TLS_ENABLED, TLS_KEY, TLS_MIN_VERSION,
};
use crate::table::Table;

/// The profile, where TLS is enabled. Not enabled, and nothing else to serve: a fault, never clear text.
pub(super) fn profile(
    reader: &mut Reader<'_>,
    sources: &Sources,
    block: Option<&ShortTls>,
    place: Option<Place>,
    has_listeners: bool,
) -> Option<(At<String>, Profile)> {
    let enabled = enabled(reader, sources, block, has_listeners)?;
    let said = |key: &str| format!("tls.{key}");
    let cert = reader.outside(sources, &TLS_CERT, &said("certFile"));
    let cert = cert.or_else(|| block.and_then(|block| block.cert_file.clone()));
    let key = reader.outside(sources, &TLS_KEY, &said("keyFile"));
    let key = key.or_else(|| block.and_then(|block| block.key_file.clone()));
    let client_ca = reader.outside(sources, &TLS_CLIENT_CA, &said("clientCAFile")).or_else(|| {
        let file = block.and_then(|block| block.client_ca_file.clone())?;
        Some(At { value: ClientCa::Path(file.value), place: file.place })
    });
    let client_auth = reader.outside(sources, &TLS_CLIENT_AUTH, &said("clientAuth"));
    let client_auth = client_auth.or_else(|| block.map(|block| block.client_auth.clone()));
    let min_version = reader.outside(sources, &TLS_MIN_VERSION, &said("minVersion"));
    let min_version = min_version.or_else(|| block.map(|block| block.min_version.clone()));
    let at = enabled.place.or(place);
    let lacks = |value: &Option<_>, key: &str| block.map_or(value.is_none(), |block| block.lacks(value, key));
    require(reader, lacks(&cert, "certFile"), "COUNTERSIGN_TLS_CERT", "tls.certFile", at.as_ref());
    require(reader, lacks(&key, "keyFile"), "COUNTERSIGN_TLS_KEY", "tls.keyFile", at.as_ref());
    let profile = Profile {
        mode: (cert.is_some() && key.is_some()).then_some(unwritten(Mode::Files)),
        cert,
        key,
        service: None,
        key_password_env: None,
        key_password_file: None,
        client_auth: Some(client_auth.unwrap_or_else(|| unwritten("require".to_owned()))),
        client_ca,
        min_version: min_version.unwrap_or_else(|| unwritten("1.2".to_owned())),
        allow_x509_v1: unwritten(true),
        hosts: unwritten(Vec::new()),
        revocation: None,
        unread: Vec::new(),
    };
    Some((At { value: SHORT.to_owned(), place: at }, profile))
}

/// The word that enables TLS; none where it stays off, which is a fault where there is nothing else to serve.
fn enabled(
    reader: &mut Reader<'_>,
    sources: &Sources,
    block: Option<&ShortTls>,
    has_listeners: bool,
) -> Option<At<bool>> {
    let outside = reader.outside(sources, &TLS_ENABLED, "tls.enabled");
    if outside.is_none() && sources.setting(&TLS_ENABLED).is_some() {
        return None;
    }
    let enabled = outside.or_else(|| block.map(|block| block.enabled.clone()));
    let on = enabled.clone().filter(|at| at.value);
    if on.is_none() {
        refuse_silence(reader, sources, block.is_some(), enabled.as_ref(), has_listeners);
    }
    on
}

pub(super) fn unwritten<T>(value: T) -> At<T> {
    At { value, place: None }
}

fn require(reader: &mut Reader<'_>, missing: bool, variable: &str, key: &str, place: Option<&Place>) {
    if missing {
        let fault = Fault::yours(format!("TLS is enabled but {variable} (or {key}) is not set"));
        let fault = fault.remedy(format!("set {variable} to the path of a PEM file"));
        reader.faults.push(crate::reader::placed(fault, place));
    }
}

/// Certificates given while TLS is off, or nothing given at all, would serve clear text or nothing by omission.
fn refuse_silence(
    reader: &mut Reader<'_>,
    sources: &Sources,
    block: bool,
    enabled: Option<&At<bool>>,
    has_listeners: bool,
) {
    let given: [&Outside; 3] = [&TLS_CERT, &TLS_KEY, &TLS_CLIENT_CA];
    let given = given.iter().find_map(|of| sources.setting(of));
    let off = enabled.is_some_and(|at| at.place.is_some());
    if let (Some(given), false) = (&given, off && has_listeners) {
        let name = given.place.as_ref().map(Place::to_string).unwrap_or_default();
        let remedy = "set COUNTERSIGN_TLS_ENABLED=true";
        reader.refuse(given, format!("{name} is given and TLS is not enabled"), remedy);
    } else if !has_listeners {
        let said = if block {
            "nothing to serve: tls.enabled is not true and there are no listeners"
        } else {
            "nothing to serve: there are no listeners and COUNTERSIGN_TLS_ENABLED is not true"
        };
        let remedy = "countersign up makes a realm and serves it; or write listeners, or set COUNTERSIGN_TLS_ENABLED=true \
                      with COUNTERSIGN_TLS_CERT and COUNTERSIGN_TLS_KEY";
        let fault = Fault::yours(said).remedy(remedy);
        reader.faults.push(crate::reader::placed(fault, enabled.and_then(|at| at.place.as_ref())));
    }
}
