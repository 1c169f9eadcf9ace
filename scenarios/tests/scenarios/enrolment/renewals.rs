use serde_json::json;
use testkit::World;

use super::house::{House, OFFICE};

impl House {
    /// A certificate of the realm that was issued so long ago, in `there/`.
    pub fn issued(&self, profile: &str, name: &str, ago: &str) {
        let issue =
            format!("countersign cert issue --realm realm --profile {profile} --cn {name} --out there");
        self.world.sh(&format!("faketime '{ago}' {issue} && cp realm/pki/server-ca.crt there/"));
    }

    pub fn renews(&self, name: &str, more: &[&str]) -> testkit::Ran {
        let (cert, key, url) = (format!("there/{name}.crt"), format!("there/{name}.key"), self.url());
        let args = [
            "cert",
            "renew",
            "--cert",
            &cert,
            "--key",
            &key,
            "--cacert",
            "there/server-ca.crt",
            "--url",
            &url,
        ];
        self.world.countersign(&[&args, more].concat())
    }

    fn fingerprint(&self, file: &str) -> String {
        let said = self.world.sh(&format!("openssl x509 -in {file} -noout -fingerprint -sha256")).stdout;
        said.trim().rsplit('=').next().unwrap().replace(':', "").to_lowercase()
    }
}

fn serial(world: &World, file: &str) -> String {
    testkit::openssl::serial(world, file)
}

#[test]
fn a_certificate_is_renewed_when_it_is_time_with_a_new_key_and_the_same_names() {
    let house = House::aged();
    house.issued("client", "robot", "-1 day");
    house.renews("robot", &[]).succeeded().says("not renewed: it is time from");
    house.issued("client", "robot2", "-84 days");
    let key = house.world.read("there/robot2.key");
    house.renews("robot2", &[]).succeeded().says("renewed CN=robot2,O=development");
    assert_ne!(house.world.read("there/robot2.key"), key);
    assert_eq!(house.world.mode("there/robot2.key"), 0o600);
    house.world.sh("openssl verify -CAfile there/server-ca.crt -untrusted there/robot2.crt there/robot2.crt");
    // A server's certificate proves its key as a client's does.
    house.world.sh("countersign cert issue --realm realm --profile server --cn localhost --out there");
    house.renews("localhost", &["--now", "--keep-key"]).succeeded().says("renewed CN=localhost");
}

/// The profile says for how long; a revoked one is renewed never.
#[test]
fn an_expired_certificate_is_renewed_for_as_long_as_its_profile_allows_and_a_revoked_one_never() {
    let house = House::aged();
    house.issued("brief", "late", "-30 minutes");
    house.renews("late", &[]).succeeded().says("renewed CN=late");
    house.issued("brief", "too-late", "-2 hours");
    house.renews("too-late", &[]).exited(1).says("ended too long ago");
    house.issued("strict", "ended", "-30 minutes");
    house.renews("ended", &[]).exited(1).says("ended too long ago");
    house.issued("brief", "revoked", "-30 minutes");
    house.world.countersign(&["cert", "revoke", "there/revoked.crt", "--realm", "realm"]).succeeded();
    house.renews("revoked", &[]).exited(1).says("it has been revoked");
    // Another's certificate without its key, and another authority's with it.
    house.issued("brief", "thief", "-1 minute");
    house.world.sh("cp there/late.crt there/stolen.crt; cp there/thief.key there/stolen.key");
    house.renews("stolen", &["--now"]).exited(2).says("does not belong to the certificate");
    house.world.sh(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout there/own.key -out there/own.crt -subj /CN=late",
    );
    house.renews("own", &["--now"]).exited(1);
    assert_eq!((house.on_record("late"), house.on_record("stolen")), (2, 0));
}

#[test]
fn an_administrator_may_ask_for_a_renewal_before_it_is_time() {
    let house = House::aged();
    house.issued("client", "robot", "-1 day");
    let before = serial(&house.world, "there/robot.crt");
    let path = format!("renewal/{}", house.fingerprint("there/robot.crt"));
    let hint = house.stranger(house.enrol).get(&format!("/api/enrolment/{path}")).with_status(200).json();
    assert!(hint["suggestedWindow"]["start"].as_str() < hint["not_after"].as_str(), "{hint}");
    let denied = house.curl("analyst").body("{}").get(&format!("{OFFICE}/{path}"));
    assert_eq!(denied.with_status(403).json()["error"]["code"], "admin-only");
    let asked =
        house.office(&path, &json!({ "explanation": "the key may have been seen" })).with_status(200).json();
    assert_eq!(asked["explanation"], "the key may have been seen");
    house.renews("robot", &[]).succeeded().says("renewed CN=robot");
    assert_ne!(serial(&house.world, "there/robot.crt"), before);
    house.renews("robot", &[]).succeeded().says("not renewed");
}

/// The node's own keeper listens too, at the latest when it looks next.
#[test]
fn a_node_renews_its_own_certificate_when_an_administrator_asks_for_it() {
    let house = House::aged();
    let file = "realm/state/tls/main.crt";
    let before = serial(&house.world, file);
    house.office(&format!("renewal/{}", house.fingerprint(file)), &json!({})).with_status(200);
    // A reload makes it look at once; by itself it looks once a minute.
    let yaml = house.world.read("realm/countersign.yaml").replace("per_minute: 1000", "per_minute: 999");
    house.world.write("realm/countersign.yaml", yaml);
    house.administers(&["reload"]).succeeded();
    testkit::patience::wait_for(
        "another certificate",
        || house.node.log(),
        || (serial(&house.world, file) != before).then_some(()),
    );
    house.curl("analyst").sql("app", "SELECT 1").with_status(200);
}

#[test]
fn a_proof_counts_once() {
    let house = House::aged();
    house.stranger(house.enrol).get("/api/enrolment/nonce").with_status(200);
    let chain = house.world.read("realm/clients/analyst.crt");
    let csr = house.csr("robot", "-subj /CN=analyst");
    let renewal = json!({ "chain": chain, "nonce": "1.2.3", "scheme": 1027, "signature": "AAAA" });
    let said = house.sign(&json!({ "csr": csr, "renewal": renewal })).with_status(403);
    assert!(said.body.contains("nonce cannot be used"), "{said:?}");
    let nonce = house.stranger(house.enrol).get("/api/enrolment/nonce").json()["nonce"].clone();
    let renewal = json!({ "chain": chain, "nonce": nonce, "scheme": 1027, "signature": "AAAA" });
    let body = json!({ "csr": csr, "renewal": renewal });
    assert!(
        house.sign(&body).with_status(403).body.contains("does not show that the certificate's key is held")
    );
    assert!(
        house.sign(&body).with_status(403).body.contains("does not show that the certificate's key is held"),
        "whoever holds no key uses no nonce up"
    );
}

#[test]
fn a_renewal_starts_no_new_count_of_requests() {
    let house = House::altered("per_minute: 1000", "per_minute: 2");
    for n in 0..2 {
        let csr = house.csr("analyst", "-subj /CN=analyst");
        let given = house.renew("analyst", &csr).with_status(200).json();
        house.world.write("realm/clients/analyst.crt", given["chain"].as_str().unwrap());
        house.world.sh("cp analyst.key realm/clients/analyst.key");
        assert_eq!(house.on_record("analyst"), n + 2);
    }
    let csr = house.csr("analyst", "-subj /CN=analyst");
    house.renew("analyst", &csr).with_status(429);
}
