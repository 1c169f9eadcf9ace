mod acme;
mod intermediate;
mod profile;
mod rotation;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use authority::RotationRules;
use identity::Secret;

use crate::plan::{
    AuthorityPlan, CrlPlan, EnrolmentPlan, IssuerPlan, KeyPassword, PemText, PublishingPlan, RootOcspPlan,
};
use crate::reader::{At, Reader};
use crate::section::authority::{Authority, Crl, Enrolment, Issuer, RootOcsp, ServiceName};
use crate::sources::Sources;
use crate::table::Table;

/// The issuer that the environment may give, and whose absence keeps no registry from being written.
const SERVICE: &str = "service";

/// Where nothing is written: below a quarter of the day that a list of revocations lasts, unless that is written.
const OUTAGE_WARNING: Duration = Duration::from_secs(6 * 3600);

/// The authority of the file with the issuer of the environment, and the place that either is first spoken of.
pub(super) fn plan(
    reader: &mut Reader<'_>,
    sources: &Sources,
    written: Option<&At<Authority>>,
) -> Option<At<Option<AuthorityPlan>>> {
    let given = intermediate::given(reader, sources);
    let place = written.map(|at| at.place.clone()).or_else(|| given.as_ref().map(|at| at.place.clone()))?;
    let value = match written {
        Some(at) => of_the_file(reader, sources, at, given),
        None => given.and_then(|given| given.value).map(|issuer| AuthorityPlan {
            root_cert: None,
            issuers: BTreeMap::from([(SERVICE.to_owned(), issuer)]),
            profiles: BTreeMap::new(),
            services: BTreeSet::new(),
            provision_required: false,
            rotation: RotationRules::default(),
            crl: CrlPlan::default(),
            outage_warning: OUTAGE_WARNING,
            enrolment: EnrolmentPlan::default(),
            publishing: PublishingPlan::default(),
            acme: None,
        }),
    };
    Some(At { value, place })
}

fn of_the_file(
    reader: &mut Reader<'_>,
    sources: &Sources,
    at: &At<Authority>,
    given: Option<At<Option<IssuerPlan>>>,
) -> Option<AuthorityPlan> {
    let written = &at.value;
    let mut issuers = BTreeMap::new();
    for (name, issuer) in written.issuers.iter().flat_map(|named| &named.value.0) {
        if let Some(plan) = issuer_plan(reader, name, issuer) {
            issuers.insert(name.value.clone(), plan);
        }
    }
    let mut profiles = BTreeMap::new();
    for (name, profile) in written.profiles.iter().flat_map(|named| &named.value.0) {
        profiles.insert(name.value.clone(), profile::plan(reader, name, profile));
    }
    let services = services(reader, written.services.as_ref());
    // A registry may be written before there is an issuer for it, and the environment's issuer needs no file.
    let issuers_elsewhere = given.is_some() || !written.lacks(&written.services, "services");
    if written.lacks(&written.issuers, "issuers") && !issuers_elsewhere {
        let remedy = "write issuers: { server: { cert: …, key: … }, client: { cert: …, key: … } }";
        reader.refuse(at, "config: authority needs issuers", remedy);
    }
    let needs_root = !written.lacks(&written.issuers, "issuers") || !issuers_elsewhere;
    if needs_root && written.lacks(&written.root_cert, "root_cert") {
        let remedy = "write the path of the root's certificate, such as ./pki/root.crt";
        reader.refuse(at, "config: authority needs root_cert", remedy);
    }
    issuers.extend(given.and_then(|given| given.value).map(|issuer| (SERVICE.to_owned(), issuer)));
    let root_cert = written.root_cert.as_ref().map(|at| at.value.clone());
    let crl = crl(reader, &written.crl.value);
    let enrolment = enrolment(&written.enrolment.value);
    let publishing = publishing(reader, written);
    let acme = acme::plan(reader, written.acme.as_ref());
    let outage_warning = written.outage_warning.value;
    rotation::lifetime(reader, sources, &mut profiles);
    Some(AuthorityPlan {
        root_cert,
        issuers,
        profiles,
        services,
        provision_required: written.provision_required.value,
        rotation: rotation::plan(reader, sources, &written.rotation.value),
        crl,
        outage_warning,
        enrolment,
        publishing,
        acme,
    })
}

fn crl(reader: &mut Reader<'_>, written: &Crl) -> CrlPlan {
    // What lists say of time is in whole seconds.
    if written.lifetime.value.as_secs() == 0 {
        let said = "config: authority.crl.lifetime is no lifetime";
        reader.refuse(&written.lifetime, said, "write a lifetime such as 24h");
    }
    if written.shard_entries.value == 0 {
        let said = "config: authority.crl.shard_entries leaves no room";
        reader.refuse(
            &written.shard_entries,
            said,
            "write how many revoked certificates one part may hold: 50000",
        );
    }
    let shard_entries = usize::try_from(written.shard_entries.value).unwrap_or(usize::MAX);
    CrlPlan { lifetime: written.lifetime.value, shard_entries }
}

fn publishing(reader: &mut Reader<'_>, written: &Authority) -> PublishingPlan {
    let lifetime = &written.ocsp.value.lifetime;
    // Half of it passes before an answer is signed again, and a cache may hold it to its end.
    if lifetime.value.as_secs() < 60 || lifetime.value.as_secs() > 7 * 86_400 {
        let said = "config: authority.ocsp.lifetime is not between a minute and a week";
        reader.refuse(lifetime, said, "write a lifetime such as 1h");
    }
    if let (Some(list), None) = (&written.root_crl, &written.root_cert) {
        let said = "config: authority.root_crl is the list of a root that is not named";
        reader.refuse(list, said, "write root_cert beside it");
    }
    PublishingPlan {
        distribution: written.distribution_url.as_ref().map(|at| at.value.clone()),
        ocsp_lifetime: lifetime.value,
        root_crl: written.root_crl.as_ref().map(|at| at.value.clone()),
        root_ocsp: written.root_ocsp.as_ref().and_then(|at| root_ocsp(reader, at, written)),
    }
}

fn root_ocsp(reader: &mut Reader<'_>, at: &At<RootOcsp>, authority: &Authority) -> Option<RootOcspPlan> {
    if authority.root_cert.is_none() {
        let said = "config: authority.root_ocsp answers for a root that is not named";
        reader.refuse(at, said, "write root_cert beside it");
    }
    let written = &at.value;
    let (Some(cert), Some(key)) = (&written.cert, &written.key) else {
        if written.lacks(&written.cert, "cert") || written.lacks(&written.key, "key") {
            let remedy = "write the paths of both: countersign ca init-responder makes them";
            reader.refuse(at, "config: authority.root_ocsp needs cert and key", remedy);
        }
        return None;
    };
    Some(RootOcspPlan { cert: cert.value.clone(), key: key.value.clone() })
}

fn enrolment(written: &Enrolment) -> EnrolmentPlan {
    EnrolmentPlan {
        per_minute: written.per_minute.value,
        most_invitations: written.most_invitations.value,
        longest_invitation: written.longest_invitation.value,
    }
}

fn services(reader: &mut Reader<'_>, written: Option<&At<Vec<At<ServiceName>>>>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in written.iter().flat_map(|at| &at.value) {
        if !names.insert(name.value.0.clone()) {
            let said = format!("config: duplicate service {:?}", name.value.0);
            reader.refuse(name, said, "list each once");
        }
    }
    names
}

fn issuer_plan(reader: &mut Reader<'_>, name: &At<String>, written: &Issuer) -> Option<IssuerPlan> {
    let owner = format!("authority issuer {:?}", name.value);
    let key_password = key_password(
        reader,
        &owner,
        written.key_password_env.as_ref(),
        written.key_password_file.as_ref(),
        None,
    );
    let (Some(cert), Some(key)) = (&written.cert, &written.key) else {
        if written.lacks(&written.cert, "cert") || written.lacks(&written.key, "key") {
            reader.refuse(name, format!("config: {owner} needs cert and key"), "write the paths of both");
        }
        return None;
    };
    let (cert, key) = (PemText::File(cert.value.clone()), PemText::File(key.value.clone()));
    Some(IssuerPlan { cert, key, key_password })
}

/// Where a key's password is; `fallback` where nothing is written.
pub(super) fn key_password(
    reader: &mut Reader<'_>,
    owner: &str,
    variable: Option<&At<String>>,
    file: Option<&At<PathBuf>>,
    fallback: Option<Secret>,
) -> Option<KeyPassword> {
    match (variable, file) {
        (Some(variable), Some(_)) => {
            let said = format!("config: {owner} has both key_password_env and key_password_file");
            reader.refuse(variable, said, "keep one of them");
            None
        }
        (Some(variable), None) => match reader.env.get(&variable.value) {
            Some(password) => Some(KeyPassword::Given(Secret::new(password.clone()))),
            None => {
                let said =
                    format!("config: {owner}: key_password_env names {:?}, which is not set", variable.value);
                reader.refuse(variable, said, format!("set {} to the key's password", variable.value));
                None
            }
        },
        (None, Some(file)) => Some(KeyPassword::File(file.value.clone())),
        (None, None) => fallback.map(KeyPassword::Given),
    }
}
