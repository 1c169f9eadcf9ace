//! When the certificates of registered services are replaced: the file, and the variables that stand before it.

use std::collections::BTreeMap;
use std::time::Duration;

use authority::RotationRules;
use fault::Fault;

use super::{SERVICE, profile};
use crate::plan::ProfilePlan;
use crate::reader::{At, Reader};
use crate::section::rotation::{Days, Rotation, Seconds};
use crate::sources::{ALERT_DAYS, LIFECYCLE_SECONDS, ROTATION_DAYS, SERVICE_DAYS, Sources};

pub(super) fn plan(reader: &mut Reader<'_>, sources: &Sources, written: &Rotation) -> RotationRules {
    let key = |name: &str| format!("authority.rotation.{name}");
    let days = reader.outside(sources, &ROTATION_DAYS, &key("threshold"));
    let threshold = days.map_or_else(|| written.threshold.clone(), of_days);
    let days = reader.outside(sources, &ALERT_DAYS, &key("alert"));
    let alert = days.map_or_else(|| written.alert.clone(), of_days);
    let seconds = reader.outside(sources, &LIFECYCLE_SECONDS, &key("every"));
    let every = seconds
        .map_or_else(|| written.every.clone(), |at: At<Seconds>| At { value: at.value.0, place: at.place });
    for (at, name) in [(&threshold, "threshold"), (&alert, "alert")] {
        if at.value.is_zero() {
            let said = format!("config: {} is no time before an end", key(name));
            reader.refuse(at, said, "write a duration such as 14d");
        }
    }
    if every.value < SHORTEST {
        let said = "config: authority.rotation.every must be at least 1s";
        reader.refuse(&every, said, "write a duration such as 24h");
    }
    if written.fraction.is_none() && alert.value > threshold.value {
        let said = "authority.rotation.alert is longer than threshold: every certificate is warned of before it is due";
        reader.warnings.push(Fault::yours(said).remedy("write an alert that is shorter than the threshold"));
    }
    RotationRules {
        threshold: threshold.value,
        fraction: written.fraction.as_ref().map(|at| at.value.0),
        alert: alert.value,
        every: every.value.max(SHORTEST),
        overlap: written.overlap.value,
        quiet: written.quiet.value,
    }
}

/// The lifetime of services' certificates, where a variable gives it.
pub(super) fn lifetime(
    reader: &mut Reader<'_>,
    sources: &Sources,
    profiles: &mut BTreeMap<String, ProfilePlan>,
) {
    let key = "authority.profiles.service.lifetime";
    let Some(days) = reader.outside(sources, &SERVICE_DAYS, key).map(of_days) else { return };
    if days.value.is_zero() {
        reader.refuse(&days, format!("config: {key} is no lifetime"), "give a number of days such as 90");
    }
    profiles.entry(SERVICE.to_owned()).or_insert_with(profile::unwritten).lifetime = Some(days.value);
}

fn of_days(at: At<Days>) -> At<Duration> {
    At { value: at.value.0, place: at.place }
}

const SHORTEST: Duration = Duration::from_secs(1);
