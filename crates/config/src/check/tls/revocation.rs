//! The rules of `tls.<profile>.revocation`.

use std::time::Duration;

use identity::{CrlCheck, FailureMode, OcspCheck, OutdatedCrl, RevocationPolicy};

use crate::plan::{ClientCa, DeniedSerial, RevocationPlan};
use crate::reader::{At, Reader};
use crate::section::revocation::{
    Crl, Ocsp, Outdated, Revocation, RevokedSerial, UrlRewrite, Verification, Wait,
};
use crate::section::tls::Profile;
use crate::table::Table;

/// What the profile says about revocation; a profile that says nothing asks nobody.
pub(super) fn plan(reader: &mut Reader<'_>, name: &str, profile: &Profile) -> RevocationPlan {
    let Some(written) = &profile.revocation else { return RevocationPlan::default() };
    if profile.lacks(&profile.client_ca, "client_ca") {
        let said = format!("config: tls profile {name:?} has revocation and no client_ca");
        reader.refuse(written, said, "add client_ca: who may vouch for clients");
    }
    let revocation = &written.value;
    if let Some(files) = revocation.crl_files.as_ref().filter(|files| files.value.is_empty()) {
        let said = format!("config: tls profile {name:?}: revocation.crl_files names no list");
        reader.refuse(files, said, "write the path of a list, or leave crl_files out");
    }
    let crl_files = revocation.crl_files.iter().flat_map(|files| &files.value);
    let mut plan = RevocationPlan {
        crl_files: crl_files.map(|at| at.value.clone()).collect(),
        revoked_serials: denied(reader, name, &revocation.revoked_serials.value),
        policy: RevocationPolicy { outdated: outdated(reader, name, revocation), verification: None },
        ..RevocationPlan::default()
    };
    if let Some(asked) = &revocation.verification.value.0 {
        verify(reader, asked, &mut plan);
        let own = profile.client_ca.as_ref().is_some_and(|ca| ca.value == ClientCa::Authority);
        let listless = revocation.lacks(&revocation.crl_files, "crl_files");
        check_somebody_answers(reader, name, &revocation.verification, &plan, listless && !own);
    }
    plan
}

fn denied(reader: &mut Reader<'_>, name: &str, written: &[At<RevokedSerial>]) -> Vec<DeniedSerial> {
    let mut denied = Vec::new();
    for at in written {
        let Some(serial) = &at.value.serial else {
            let said = format!(
                "config: tls profile {name:?}: an entry of revocation.revoked_serials needs a serial"
            );
            reader.refuse(at, said, "write serial: and the number in hexadecimal");
            continue;
        };
        denied.push(DeniedSerial {
            serial: serial.value.clone(),
            issuer: at.value.issuer.as_ref().map(|issuer| issuer.value.clone()),
            place: serial.place.clone(),
        });
    }
    denied
}

fn outdated(reader: &mut Reader<'_>, name: &str, written: &Revocation) -> OutdatedCrl {
    let at = &written.outdated;
    match (at.value, &written.grace) {
        (Outdated::Grace, Some(grace)) => OutdatedCrl::Grace(bounded(reader, grace.value, grace)),
        (Outdated::Grace, None) => {
            if written.lacks(&written.grace, "grace") {
                let said =
                    format!("config: tls profile {name:?}: revocation.outdated is grace and has no end");
                reader.refuse(at, said, "write grace: and how long, such as 24h");
            }
            OutdatedCrl::FailClosed
        }
        (word, grace) => {
            if let Some(grace) = grace {
                let said = format!(
                    "config: tls profile {name:?}: revocation.grace counts only with outdated: grace, and it is {}",
                    word.as_str()
                );
                reader.refuse(grace, said, "write outdated: grace, or leave grace out");
            }
            if word == Outdated::FailOpen { OutdatedCrl::FailOpen } else { OutdatedCrl::FailClosed }
        }
    }
}

/// How the authorities are asked, wherever that is written.
pub(crate) fn verify(reader: &mut Reader<'_>, written: &Verification, plan: &mut RevocationPlan) {
    let failure_mode = written.failure_mode.value;
    let crl = written.crl.value.0.as_ref().filter(|crl| crl.enabled.value);
    let ocsp = written.ocsp.value.0.as_ref().filter(|ocsp| ocsp.enabled.value);
    plan.policy.verification = Some(identity::Verification {
        failure_mode,
        crl: crl.map(|crl| crl_check(reader, crl, failure_mode)),
        ocsp: ocsp.map(|ocsp| ocsp_check(reader, ocsp, failure_mode)),
        check_intermediates: written.check_intermediates.value,
        allow_private_addresses: written.allow_private_addresses.value,
    });
    plan.prefetch = written.prefetch.value.iter().map(|at| at.value.0.clone()).collect();
    plan.url_rewrite = written.url_rewrite.value.iter().filter_map(|at| rewrite(reader, at)).collect();
    plan.max_bytes = written.max_bytes.value.0;
    if plan.max_bytes == 0 {
        reader.refuse(&written.max_bytes, "config: revocation: max_bytes is 0", "write a size such as 16MiB");
    }
}

fn rewrite(reader: &mut Reader<'_>, written: &At<UrlRewrite>) -> Option<(String, String)> {
    let UrlRewrite { from: Some(from), to: Some(to), .. } = &written.value else {
        if written.value.unread().is_empty() {
            let said = "config: revocation: an entry of url_rewrite needs from and to";
            reader.refuse(
                written,
                said,
                "write both: { from: \"http://crl.example.com/\", to: \"http://mirror/\" }",
            );
        }
        return None;
    };
    Some((from.value.0.clone(), to.value.0.clone()))
}

/// What a method does not say about failures, the whole says.
fn crl_check(reader: &mut Reader<'_>, written: &Crl, failure_mode: FailureMode) -> CrlCheck {
    CrlCheck {
        timeout: wait(reader, &written.timeout, "CRL timeout", 1000),
        cache_ttl: wait(reader, &written.cache_ttl, "CRL cacheTtl", 1000),
        grace: wait(reader, &written.grace, "CRL gracePeriod", 0),
        failure_mode: written.failure_mode.as_ref().map_or(failure_mode, |at| at.value),
    }
}

fn ocsp_check(reader: &mut Reader<'_>, written: &Ocsp, failure_mode: FailureMode) -> OcspCheck {
    OcspCheck {
        timeout: wait(reader, &written.timeout, "OCSP timeout", 1000),
        cache_ttl: wait(reader, &written.cache_ttl, "OCSP cacheTtl", 1000),
        error_cache_ttl: wait(reader, &written.error_cache_ttl, "OCSP errorCacheTtl", 1000),
        failure_mode: written.failure_mode.as_ref().map_or(failure_mode, |at| at.value),
    }
}

/// The words for what is too short are Harper's.
fn wait(reader: &mut Reader<'_>, written: &At<Wait>, called: &str, least: i64) -> Duration {
    let milliseconds = written.value.milliseconds;
    if milliseconds < least {
        let in_seconds = if least == 1000 { " (1 second)" } else { "" };
        let said = format!("{called} must be at least {least}ms{in_seconds}");
        reader.refuse(written, said, "write a duration such as 10s, or a number of milliseconds");
    }
    bounded(reader, Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default()), written)
}

/// A moment so far away cannot be reckoned with, and was hardly meant.
fn bounded<T>(reader: &mut Reader<'_>, duration: Duration, at: &At<T>) -> Duration {
    if duration > LONGEST {
        let said = "config: revocation: a duration is longer than ten years";
        reader.refuse(at, said, "write a shorter one, such as 24h");
    }
    duration.min(LONGEST)
}

/// With both ways to ask switched off, the failure mode alone decides about whatever is on no list at hand.
fn check_somebody_answers<T>(
    reader: &mut Reader<'_>,
    name: &str,
    at: &At<T>,
    plan: &RevocationPlan,
    nobody_else: bool,
) {
    let Some(asked) = plan.policy.verification.filter(|asked| asked.crl.is_none() && asked.ocsp.is_none())
    else {
        return;
    };
    let said = format!("tls profile {name:?}: revocation.verification has crl and ocsp switched off");
    match asked.failure_mode {
        FailureMode::FailOpen => {
            let said = format!("config: {said} and fails open: it verifies nothing");
            reader.refuse(
                at,
                said,
                "switch crl or ocsp on, write failure_mode: fail-closed, or leave verification out",
            );
        }
        FailureMode::FailClosed if nobody_else => {
            let fault =
                at.fault(format!("{said}, and there are no crl_files: every client certificate is refused"));
            reader.warnings.push(fault.remedy("switch crl or ocsp on, or write crl_files"));
        }
        FailureMode::FailClosed => {}
    }
}

const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);
