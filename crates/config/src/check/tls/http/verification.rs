//! `COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION…` and `COUNTERSIGN_REPLICATION_…`, before what the file says.

use fault::Place;

use super::nothing;
use crate::reader::{At, Reader, Shape};
use crate::scalar::Scalar;
use crate::section::revocation::{Crl, Ocsp, Revocation, Verification};
use crate::section::tls::Profile;
use crate::sources::http::OfVerification;
use crate::sources::{Outside, Sources, http};
use crate::table::Toggle;

/// Lets the variables speak before the profile.
pub(super) fn override_by_variables(
    reader: &mut Reader<'_>,
    sources: &Sources,
    named: &str,
    profile: &mut Profile,
) {
    let written = profile.revocation.as_ref().map(|written| written.value.verification.clone());
    let mut toggle = written.unwrap_or(At { value: Toggle(None), place: None });
    override_verification(reader, sources, &http::HTTP, &path(named), &mut toggle);
    if profile.revocation.is_none() && toggle.value.0.is_some() {
        let Some(value) = nothing::<Revocation>(reader, "tls.default.revocation") else { return };
        profile.revocation = Some(At { value, place: toggle.place.clone() });
    }
    if let Some(written) = profile.revocation.as_mut() {
        written.value.verification = toggle;
    }
}

/// Lets the variables of a block speak before what is written there. One that says how to verify switches it on; one that
/// switches it off beside such a one is a fault.
pub(crate) fn override_verification(
    reader: &mut Reader<'_>,
    sources: &Sources,
    names: &'static OfVerification,
    path: &str,
    written: &mut At<Toggle<Verification>>,
) {
    let variables = Variables { sources, names, path: path.to_owned() };
    let Some(spoken) = variables.switch(reader, &names.on, "", &names.parts()) else { return };
    written.place.clone_from(&spoken.place);
    if !spoken.value {
        written.value = Toggle(None);
        return;
    }
    let Some(asked) = on(reader, &mut written.value, &variables.path) else { return };
    variables.verification(reader, asked);
}

fn path(named: &str) -> String {
    match named {
        "http.mtls" => "http.mtls.certificateVerification".to_owned(),
        profile => format!("{profile}.revocation.verification"),
    }
}

/// What is switched on: what the file says, or every default.
fn on<'t, T: Shape>(reader: &mut Reader<'_>, toggle: &'t mut Toggle<T>, path: &str) -> Option<&'t mut T> {
    if toggle.0.is_none() {
        toggle.0 = nothing(reader, path);
    }
    toggle.0.as_mut()
}

struct Variables<'a> {
    sources: &'a Sources,
    names: &'static OfVerification,
    path: String,
}

impl Variables<'_> {
    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    fn value<T: Scalar>(&self, reader: &mut Reader<'_>, of: &Outside, key: &str) -> Option<At<T>> {
        reader.outside(self.sources, of, &self.key(key))
    }

    /// Whether variables switch something on or off; none where they say nothing.
    fn switch(
        &self,
        reader: &mut Reader<'_>,
        of: &Outside,
        key: &str,
        parts: &[&Outside],
    ) -> Option<At<bool>> {
        let said: Option<At<bool>> = self.value(reader, of, key);
        let part = parts.iter().find_map(|part| self.sources.setting(part));
        match (said, part) {
            (Some(said), Some(part)) if !said.value => {
                let name = |place: &Option<Place>| place.as_ref().map(Place::to_string).unwrap_or_default();
                let words = format!("{} is false and {} is given", name(&said.place), name(&part.place));
                reader.refuse(&part, words, "leave one of them out");
                Some(said)
            }
            (Some(said), _) => Some(said),
            (None, part) => part.map(|part| At { value: true, place: part.place }),
        }
    }

    fn verification(&self, reader: &mut Reader<'_>, asked: &mut Verification) {
        if let Some(mode) = self.value(reader, &self.names.failure_mode, ".failureMode") {
            asked.failure_mode = mode;
        }
        if let Some(spoken) = self.switch(reader, &self.names.crl, ".crl", &self.names.parts_of_crl()) {
            asked.crl.place.clone_from(&spoken.place);
            if !spoken.value {
                asked.crl.value = Toggle(None);
            } else if let Some(crl) = on(reader, &mut asked.crl.value, &self.key(".crl")) {
                self.crl(reader, crl, spoken);
            }
        }
        if let Some(spoken) = self.switch(reader, &self.names.ocsp, ".ocsp", &self.names.parts_of_ocsp()) {
            asked.ocsp.place.clone_from(&spoken.place);
            if !spoken.value {
                asked.ocsp.value = Toggle(None);
            } else if let Some(ocsp) = on(reader, &mut asked.ocsp.value, &self.key(".ocsp")) {
                self.ocsp(reader, ocsp, spoken);
            }
        }
    }

    fn crl(&self, reader: &mut Reader<'_>, crl: &mut Crl, spoken: At<bool>) {
        crl.enabled = spoken;
        if let Some(timeout) = self.value(reader, &self.names.crl_timeout, ".crl.timeout") {
            crl.timeout = timeout;
        }
        if let Some(cache_ttl) = self.value(reader, &self.names.crl_cache_ttl, ".crl.cacheTtl") {
            crl.cache_ttl = cache_ttl;
        }
        if let Some(grace) = self.value(reader, &self.names.crl_grace, ".crl.gracePeriod") {
            crl.grace = grace;
        }
        if let Some(mode) = self.value(reader, &self.names.crl_failure_mode, ".crl.failureMode") {
            crl.failure_mode = Some(mode);
        }
    }

    fn ocsp(&self, reader: &mut Reader<'_>, ocsp: &mut Ocsp, spoken: At<bool>) {
        ocsp.enabled = spoken;
        if let Some(timeout) = self.value(reader, &self.names.ocsp_timeout, ".ocsp.timeout") {
            ocsp.timeout = timeout;
        }
        if let Some(cache_ttl) = self.value(reader, &self.names.ocsp_cache_ttl, ".ocsp.cacheTtl") {
            ocsp.cache_ttl = cache_ttl;
        }
        if let Some(ttl) = self.value(reader, &self.names.ocsp_error_cache_ttl, ".ocsp.errorCacheTtl") {
            ocsp.error_cache_ttl = ttl;
        }
        if let Some(mode) = self.value(reader, &self.names.ocsp_failure_mode, ".ocsp.failureMode") {
            ocsp.failure_mode = Some(mode);
        }
    }
}
