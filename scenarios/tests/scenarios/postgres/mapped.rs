//! Roles by what a certificate says, as `pg_ident.conf` maps names.

use testkit::certificate::{self, rcgen};

use super::street::Street;

const WHO: &str = "SELECT current_user";

/// The street with a map in place of its roles, and one more principal, who is known by a URI.
fn street() -> Street {
    Street::with(|yaml| {
        let pin =
            yaml.split("spki_sha256: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a pin");
        let map = format!(
            "map:
        - {{ subject_cn: analyst, role: orders_ro }}
        - {{ subject_cn: analyst, role: orders_rw }}
        - {{ spki_sha256: \"{pin}\", role: orders_other }}
        - {{ san_uri: \"spiffe://example.com/worker\", subject_cn: worker, role: orders_rw }}
"
        );
        let worker = "    - name: worker
      methods: [ { mtls: { san_uri: \"spiffe://example.com/worker\" } } ]
services:
";
        yaml.replace("roles: { read-only: orders_ro, read-write: orders_rw }\n", &map)
            .replace("level: read-only", "level: read-write")
            .replace("services:\n", worker)
            .replace("    grants:\n", "    grants:\n      - { principal: worker, level: read-write }\n")
    })
}

/// A client of the street's authority that also says this URI of itself.
fn client(street: &Street, file: &str, uri: &str) {
    certificate::shaped(&street.world, "client-ca", file, |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().expect("a URI"))];
    });
}

#[test]
fn what_a_certificate_says_decides_which_role_its_owner_has() {
    let street = street();
    client(&street, "worker", "spiffe://example.com/worker");
    // The first entry that holds is the one for whoever asks for none.
    street.psql("analyst", "first", WHO).succeeded().says("orders_ro");
    street.psql_as("analyst", "orders_rw", "second", WHO).succeeded().says("orders_rw");
    street.psql("reporting", "by_key", WHO).succeeded().says("orders_other");
    street.psql("worker", "by_uri", WHO).succeeded().says("orders_rw");
    for (principal, asked) in
        [("analyst", "orders_other"), ("reporting", "orders_rw"), ("worker", "orders_ro")]
    {
        let ran = street.psql_as(principal, asked, "refused", WHO).exited(2);
        ran.says("FATAL:  forbidden: not as this user").says("code role-not-allowed");
    }
}

#[test]
fn an_entry_holds_only_where_everything_in_it_does() {
    let street = street();
    // The principal is known by the URI alone, and the entry asks for the common name too.
    client(&street, "impostor", "spiffe://example.com/worker");
    street.world.sh("mv impostor.crt worker.crt; mv impostor.key worker.key");
    street.psql("worker", "half", WHO).exited(2).says("code role-not-allowed");
}
