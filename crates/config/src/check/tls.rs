use std::collections::BTreeMap;
use std::path::PathBuf;

use fault::{Fault, Place};
use identity::Secret;

use super::authority::key_password;
use crate::plan::{ClientAuth, ClientCa, Environment, TlsMode, TlsPlan, TlsVersion};
use crate::reader::{At, Reader};
use crate::scalar::Scalar;
use crate::section::authority::Authority;
use crate::section::tls::{Mode, Profile, Tls};
use crate::section::top::Top;
use crate::sources::{
    KEY_PASSWORD, Sources, TLS_CERT, TLS_CLIENT_AUTH, TLS_CLIENT_CA, TLS_ENABLED, TLS_KEY, TLS_MIN_VERSION,
};
use crate::table::Table;

mod http;
mod revocation;
mod service;
mod short;

pub(super) use http::verification::override_verification;
pub(super) use revocation::verify;

/// The name of the profile that the short spelling and the environment make.
pub(super) const SHORT: &str = "default";

/// The profiles after the file, the environment and the flags have had their say.
pub(super) struct Settled {
    pub(super) profiles: Vec<(At<String>, Profile)>,
    /// Whether the one profile comes from the short spelling or the environment.
    pub(super) short: bool,
    /// The address of Harper's spelling, where that is used.
    pub(super) http: Option<At<String>>,
    password: Option<Secret>,
}

impl Settled {
    /// The profile of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|(known, _)| known.value == name).map(|(_, profile)| profile)
    }

    /// Whether some profile knows who may vouch for clients.
    pub(super) fn asks_for_certificates(&self) -> bool {
        self.profiles.iter().any(|(_, profile)| profile.client_ca.is_some())
    }
}

/// Decides which profiles there are, and lets flags and variables speak before the file.
pub(super) fn settle(reader: &mut Reader<'_>, sources: &Sources, top: &Top) -> Settled {
    let password = sources.setting(&KEY_PASSWORD).map(|at| Secret::new(at.value));
    let has_listeners = !top.lacks(&top.listeners, "listeners");
    let http = http::block(reader, sources, top);
    let mut settled = Settled { profiles: Vec::new(), short: true, http: None, password };
    let block = match top.tls.as_ref().map(|at| &at.value) {
        Some(Tls::Profiles(named)) => {
            settled.profiles = named.0.clone();
            settled.short = false;
            override_only_profile(reader, sources, &mut settled.profiles);
            None
        }
        Some(Tls::Short(block)) => Some(block.as_ref()),
        None => None,
    };
    match http {
        _ if !settled.short => {}
        Some(http) => {
            settled.profiles.push(http::profile(reader, sources, &http, block));
            let port = &http.value.secure_port;
            settled.http = Some(At { value: port.value.0.clone(), place: port.place.clone() });
        }
        None => {
            let place = top.tls.as_ref().and_then(|at| at.place.clone());
            settled.profiles.extend(short::profile(reader, sources, block, place, has_listeners));
        }
    }
    http::override_profile(reader, sources, &mut settled);
    settled
}

/// Variables and flags name no profile, so they can only mean the one that there is.
fn override_only_profile(reader: &mut Reader<'_>, sources: &Sources, profiles: &mut [(At<String>, Profile)]) {
    let said = [&TLS_CERT, &TLS_KEY, &TLS_CLIENT_CA, &TLS_CLIENT_AUTH, &TLS_MIN_VERSION];
    let Some(first) = said.iter().find_map(|of| sources.setting(of)) else { return };
    let [(name, profile)] = profiles else {
        let place = first.place.as_ref().map(Place::to_string).unwrap_or_default();
        let said = format!("config: {place} names no tls profile, and the file has {}", profiles.len());
        reader.refuse(&first, said, "write it under the profile that is meant");
        return;
    };
    let name = format!("tls.{}", name.value);
    let cert = reader.outside(sources, &TLS_CERT, &format!("{name}.cert"));
    profile.cert = cert.or_else(|| profile.cert.take());
    let key = reader.outside(sources, &TLS_KEY, &format!("{name}.key"));
    profile.key = key.or_else(|| profile.key.take());
    let client_ca = reader.outside(sources, &TLS_CLIENT_CA, &format!("{name}.client_ca"));
    profile.client_ca = client_ca.or_else(|| profile.client_ca.take());
    let client_auth = reader.outside(sources, &TLS_CLIENT_AUTH, &format!("{name}.client_auth"));
    profile.client_auth = client_auth.or_else(|| profile.client_auth.take());
    if let Some(version) = reader.outside(sources, &TLS_MIN_VERSION, &format!("{name}.min_version")) {
        profile.min_version = version;
    }
    if sources.setting(&TLS_ENABLED).is_some_and(|at| bool::parse(&at.value, &reader.ground) == Ok(false)) {
        let said = "COUNTERSIGN_TLS_ENABLED does not switch named tls profiles off";
        reader.warnings.push(Fault::yours(said).remedy("use a listener with transport h1 for clear text"));
    }
}

/// The profiles as the plan holds them; what is wrong is noted.
pub(super) fn plans(
    reader: &mut Reader<'_>,
    settled: &Settled,
    environment: Environment,
    authority: Option<&At<Authority>>,
) -> super::Profiles {
    let mut plans = BTreeMap::new();
    for (name, profile) in &settled.profiles {
        check_authority(reader, name, profile, authority.is_some());
        service::check(reader, name, profile, authority);
        if !settled.short {
            check_mode(reader, name, profile, environment);
        }
        if let Some(plan) = plan(reader, name, profile, settled) {
            plans.insert(name.value.clone(), plan);
        }
    }
    plans
}

fn plan(reader: &mut Reader<'_>, name: &At<String>, profile: &Profile, settled: &Settled) -> Option<TlsPlan> {
    let hosts: Vec<String> = profile.hosts.value.iter().map(|host| host.value.clone()).collect();
    let mode = mode(reader, name, profile, &hosts, settled);
    let min_version = min_version(reader, name, profile, settled.short);
    let client_auth = profile.client_auth.as_ref().map(|text| client_auth(reader, text));
    if let (Some(auth), true, false) =
        (&profile.client_auth, profile.lacks(&profile.client_ca, "client_ca"), settled.short)
    {
        let said = format!("config: tls profile {:?} has client_auth and no client_ca", name.value);
        reader.refuse(auth, said, "add client_ca: who may vouch for clients");
    }
    let revocation = revocation::plan(reader, &name.value, profile);
    Some(TlsPlan {
        mode: mode?,
        client_ca: profile.client_ca.as_ref().map(|at| at.value.clone()),
        client_auth: client_auth.flatten().filter(|_| profile.client_ca.is_some()),
        min_version: min_version?,
        allow_x509_v1: profile.allow_x509_v1.value,
        hosts,
        revocation,
    })
}

fn mode(
    reader: &mut Reader<'_>,
    name: &At<String>,
    profile: &Profile,
    hosts: &[String],
    settled: &Settled,
) -> Option<TlsMode> {
    match profile.mode.as_ref()?.value {
        Mode::Authority => Some(match &profile.service {
            Some(service) => TlsMode::Service { name: service.value.clone() },
            None => TlsMode::Authority { hosts: hosts.to_vec() },
        }),
        Mode::SelfSigned => Some(TlsMode::SelfSigned { hosts: hosts.to_vec() }),
        Mode::Files => {
            let owner = format!("tls profile {:?}", name.value);
            let (variable, file) = (profile.key_password_env.as_ref(), profile.key_password_file.as_ref());
            let key_password = key_password(reader, &owner, variable, file, settled.password.clone());
            let path = |at: &Option<At<PathBuf>>| at.as_ref().map(|at| at.value.clone());
            Some(TlsMode::Files { cert: path(&profile.cert)?, key: path(&profile.key)?, key_password })
        }
    }
}

fn check_mode(reader: &mut Reader<'_>, name: &At<String>, profile: &Profile, environment: Environment) {
    let Some(mode) = &profile.mode else {
        if !profile.lacks(&profile.mode, "mode") {
            return;
        }
        let said = format!("config: tls profile {:?} missing mode (files|authority|self_signed)", name.value);
        reader.refuse(name, said, "write mode: files with cert and key");
        return;
    };
    let written = profile.cert.as_ref().or(profile.key.as_ref());
    match mode.value {
        Mode::Files if profile.lacks(&profile.cert, "cert") || profile.lacks(&profile.key, "key") => {
            let said = format!("config: tls profile {:?} (files) needs cert and key", name.value);
            reader.refuse(name, said, "write the paths of both");
        }
        Mode::Files => {}
        Mode::Authority | Mode::SelfSigned => {
            if let Some(written) = written {
                let said = format!(
                    "config: tls profile {:?} ({}) makes its own certificate and has cert or key",
                    name.value,
                    mode.value.as_str()
                );
                reader.refuse(written, said, "write mode: files, or leave cert and key out");
            }
        }
    }
    if mode.value == Mode::SelfSigned {
        self_signed(reader, name, mode, environment);
    }
}

fn self_signed(reader: &mut Reader<'_>, name: &At<String>, mode: &At<Mode>, environment: Environment) {
    if environment == Environment::Production {
        let said = format!("config: tls profile {:?}: self_signed is refused in production", name.value);
        reader.refuse(mode, said, "use mode files or authority");
        return;
    }
    let said = "serving a self-signed (dev-only) TLS certificate — do not use in production";
    reader.warnings.push(mode.fault(said).remedy("use mode files or authority"));
}

fn check_authority(reader: &mut Reader<'_>, name: &At<String>, profile: &Profile, exists: bool) {
    if exists {
        return;
    }
    let remedy = "add an authority section, or use files";
    if let Some(mode) = profile.mode.as_ref().filter(|mode| mode.value == Mode::Authority) {
        let said = format!("config: tls profile {:?}: mode authority needs an authority section", name.value);
        reader.refuse(mode, said, remedy);
    }
    if let Some(ca) = profile.client_ca.as_ref().filter(|ca| ca.value == ClientCa::Authority) {
        let said =
            format!("config: tls profile {:?}: client_ca authority needs an authority section", name.value);
        reader.refuse(ca, said, remedy);
    }
}

/// The words of the sources; the short spelling has no profile to name.
fn min_version(
    reader: &mut Reader<'_>,
    name: &At<String>,
    profile: &Profile,
    short: bool,
) -> Option<TlsVersion> {
    let written = &profile.min_version;
    if let Ok(version) = TlsVersion::parse(&written.value, &reader.ground) {
        return Some(version);
    }
    let from_outside = matches!(written.place, Some(Place::Name(_)));
    let said = if short || from_outside {
        format!("invalid tls min_version {:?} (want 1.2 or 1.3)", written.value)
    } else {
        format!(
            "config: tls profile {:?} invalid min_version {:?} (want 1.2 or 1.3)",
            name.value, written.value
        )
    };
    reader.refuse(written, said, "write \"1.2\" or \"1.3\"");
    None
}

fn client_auth(reader: &mut Reader<'_>, written: &At<String>) -> Option<ClientAuth> {
    let parsed = ClientAuth::parse(&written.value.to_ascii_lowercase(), &reader.ground).ok();
    if parsed.is_none() {
        let said = format!("unknown tls.clientAuth {:?} (use 'require' or 'request')", written.value);
        reader.refuse(written, said, "require demands a client certificate, request lets it be left out");
    }
    parsed
}
