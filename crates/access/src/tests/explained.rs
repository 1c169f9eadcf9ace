use super::decisions::known;
use super::made::{NOW, authority, by_name, directory, principal};
use crate::{Accepted, Directory, GrantSpec, Grants, Level, MtlsMatch, Target, explain};

fn grants(directory: &Directory) -> Grants {
    let specs = vec![
        GrantSpec::new("app", "alice", Level::ReadOnly),
        GrantSpec::new("app", "bob", Level::Admin),
        GrantSpec::new("other", "alice", Level::Admin),
    ];
    Grants::new(specs, directory).unwrap()
}

#[test]
fn an_explanation_of_an_admission_tells_every_comparison() {
    let by_unit = MtlsMatch { subject_ou: Some("Ops".to_owned()), ..MtlsMatch::default() };
    let mut bob = principal("bob", vec![by_unit]);
    bob.active = false;
    let directory = directory(vec![principal("alice", vec![by_name("alice")]), bob]);
    let verified = authority().named("alice");
    let explained = explain(
        &directory,
        &grants(&directory),
        &[Accepted::Mtls],
        Some(&verified),
        Target::Database("app"),
        NOW,
    );
    let serial = verified.leaf().identity().serial().to_string();
    assert_eq!(
        explained.to_string(),
        format!(
            "certificate CN=alice (serial {serial})
  yes alice: subject_cn \"alice\"
  no  bob: subject_ou \"Ops\" (the certificate's subject_ou is none) [switched off]
principal alice
  yes alice on app: read-only
  no  bob on app: admin
admitted: read-only until 2026-07-01T12:00:00Z"
        )
    );
}

#[test]
fn an_explanation_of_a_refusal_tells_what_the_certificate_has_instead() {
    let directory = known(&["alice", "bob"]);
    let verified = authority().named("carol");
    let explained = explain(
        &directory,
        &grants(&directory),
        &[Accepted::Mtls],
        Some(&verified),
        Target::Database("app"),
        NOW,
    );
    assert_eq!(explained.principals[0].why_not.as_deref(), Some("the certificate's subject_cn is \"carol\""));
    assert!(explained.grants.iter().all(|grant| !grant.applies));
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!(json["outcome"]["decision"], "refused");
    assert_eq!(json["outcome"]["code"], "unmapped-certificate");
    assert_eq!(json["principal"], serde_json::Value::Null);
    let nothing =
        explain(&directory, &grants(&directory), &[Accepted::Mtls], None, Target::ControlPlane, NOW);
    assert_eq!(
        nothing.to_string().lines().take(2).collect::<Vec<_>>(),
        ["no certificate", "refused: certificate-required: a client certificate is required"]
    );
}

#[test]
fn an_explanation_tells_where_the_common_name_is_the_principal() {
    let directory = Directory::common_name_is_principal();
    let grants = Grants::new(vec![GrantSpec::new("app", "*", Level::ReadWrite)], &directory).unwrap();
    let verified = authority().named("carol");
    let explained =
        explain(&directory, &grants, &[Accepted::Mtls], Some(&verified), Target::Database("app"), NOW);
    assert_eq!(explained.principals[0].to_string(), "yes carol: the common name is the principal");
    assert_eq!(explained.principal.as_deref(), Some("carol"));
}
