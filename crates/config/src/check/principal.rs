use access::{Directory, EVERYONE, GrantSpec, Grants, Level, Method as Way, MtlsMatch, PrincipalSpec};
use fault::Fault;
use identity::Pin;

use crate::reader::{At, Reader, placed};
use crate::section::access::{Method, Mtls, PinText, Principal, refused};
use crate::table::Table;

/// The principals as `access` takes them. `by_name`: those without a word about methods are recognized by a common name
/// that is their own, as Harper's users are.
pub(super) fn specs(reader: &mut Reader<'_>, written: &[At<Principal>], by_name: bool) -> Vec<PrincipalSpec> {
    written.iter().enumerate().filter_map(|(n, principal)| spec(reader, n, principal, by_name)).collect()
}

fn spec(reader: &mut Reader<'_>, n: usize, written: &At<Principal>, by_name: bool) -> Option<PrincipalSpec> {
    let Some(name) = &written.value.name else {
        if written.value.lacks(&written.value.name, "name") {
            let said = format!("config: auth.principals[{n}] needs a name");
            reader.refuse(written, said, "write name: and a word of your own");
        }
        return None;
    };
    if name.value.starts_with("u_") {
        let said = format!(
            "config: auth principal {:?} uses the reserved u_ prefix (kept for enrolled keys)",
            name.value
        );
        reader.refuse(name, said, "choose another name");
    }
    let listed = &written.value.methods;
    let mut methods: Vec<Way> =
        listed.value.iter().filter_map(|method| way(reader, &name.value, method)).collect();
    if by_name && listed.place.is_none() && written.value.unread().is_empty() {
        methods.push(Way::Mtls(common_name(name)));
    }
    Some(PrincipalSpec {
        name: name.value.clone(),
        active: written.value.active.value,
        methods,
        place: name.place.clone(),
    })
}

fn common_name(name: &At<String>) -> MtlsMatch {
    MtlsMatch { subject_cn: Some(name.value.clone()), place: name.place.clone(), ..MtlsMatch::default() }
}

fn way(reader: &mut Reader<'_>, principal: &str, method: &At<Method>) -> Option<Way> {
    match &method.value {
        Method::Mtls(mtls) => {
            let called = format!("principal {principal:?}: mtls");
            Some(Way::Mtls(entry(reader, &called, mtls, method)?))
        }
        Method::Refused(why) => {
            reader.faults.push(placed(refused(principal, why), method.place.as_ref()));
            None
        }
    }
}

/// What a certificate must say; `called` is how the entry is called in a fault.
pub(super) fn entry<T>(
    reader: &mut Reader<'_>,
    called: &str,
    written: &Mtls,
    at: &At<T>,
) -> Option<MtlsMatch> {
    let before = reader.faults.iter().count();
    for (field, text) in [
        ("subject_cn", &written.subject_cn),
        ("san_dns", &written.san_dns),
        ("san_uri", &written.san_uri),
        ("san_email", &written.san_email),
        ("subject_o", &written.subject_o),
        ("subject_ou", &written.subject_ou),
    ] {
        refuse_unmatchable(reader, called, field, text.as_ref());
    }
    let value = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let entry = MtlsMatch {
        subject_cn: value(&written.subject_cn),
        spki_sha256: pin(reader, called, "spki_sha256", written.spki_sha256.as_ref()),
        san_dns: value(&written.san_dns),
        san_uri: value(&written.san_uri),
        san_email: value(&written.san_email),
        san_ip: written.san_ip.as_ref().map(|at| at.value),
        issuer_spki_sha256: pin(reader, called, "issuer_spki_sha256", written.issuer_spki_sha256.as_ref()),
        subject_o: value(&written.subject_o),
        subject_ou: value(&written.subject_ou),
        cert_sha256: written.cert_sha256.as_ref().map(|at| at.value),
        place: at.place.clone(),
    };
    // An entry with a condition left out would match more than was meant, and draw faults that are none.
    (written.unread().is_empty() && reader.faults.iter().count() == before).then_some(entry)
}

/// A certificate with an empty name or a control byte in it matches nobody, so such an entry never could.
fn refuse_unmatchable(reader: &mut Reader<'_>, called: &str, field: &str, text: Option<&At<String>>) {
    let unmatchable = |at: &&At<String>| at.value.is_empty() || at.value.chars().any(char::is_control);
    if let Some(at) = text.filter(unmatchable) {
        let said = format!("config: {called}.{field} {:?} matches no certificate", at.value);
        reader.refuse(at, said, "write the name as countersign cert show prints it");
    }
}

fn pin(reader: &mut Reader<'_>, called: &str, field: &str, text: Option<&At<PinText>>) -> Option<Pin> {
    let at = text?;
    match &at.value.0 {
        Ok(pin) => Some(*pin),
        Err(text) => {
            let said = format!(
                "config: {called}.{field} \"{text}\" is neither 64 hexadecimal digits nor \
                 sha256//BASE64"
            );
            let remedy = "countersign cert spki FILE prints it, and so does openssl x509 -in FILE -pubkey -noout | \
                          openssl pkey -pubin -outform DER | openssl dgst -sha256";
            reader.refuse(at, said, remedy);
            None
        }
    }
}

/// The rules between principals, and between principals and grants: the same code that will decide by them.
pub(super) fn check_rules(
    reader: &mut Reader<'_>,
    principals: &[PrincipalSpec],
    grants: &[GrantSpec],
    by_common_name: bool,
) {
    let directory = if by_common_name {
        Ok(Directory::common_name_is_principal())
    } else {
        Directory::new(principals.to_vec())
    };
    match directory {
        Ok(directory) => note(reader, Grants::new(grants.to_vec(), &directory).err()),
        Err(faults) => {
            note(reader, Some(faults));
            // Grants are judged by the names alone then, so that their faults are told in the same look.
            let mut names: Vec<&str> = principals.iter().map(|principal| principal.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let named = names.into_iter().map(|name| PrincipalSpec::new(name, Vec::new())).collect();
            let directory = Directory::new(named);
            note(reader, directory.ok().and_then(|directory| Grants::new(grants.to_vec(), &directory).err()));
        }
    }
    for grant in grants.iter().filter(|grant| grant.principal == EVERYONE && grant.level == Level::Admin) {
        let said = format!("database {:?} makes everyone an administrator of it", grant.database);
        let fault = Fault::yours(said).remedy("grant admin to principals by name");
        reader.warnings.push(placed(fault, grant.place.as_ref()));
    }
}

fn note(reader: &mut Reader<'_>, faults: Option<fault::Faults>) {
    reader.faults.extend(faults.into_iter().flatten());
}
