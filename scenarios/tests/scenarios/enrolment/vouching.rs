use serde_json::{Value, json};
use testkit::{World, openssl};

use super::house::{CONFIGURATION, House};

const PLACE: &str = "realm/pki/issuers/client";

/// A realm that has made another issuer of clients since it issued to `robot`, and to its clients; the old one is in `aside`.
fn succeeded() -> World {
    let world = World::new();
    world.countersign(&["init", "realm"]).succeeded();
    // Whoever stands below the root comes through this door, also by an issuer that is no more.
    let yaml = CONFIGURATION.replace("client_ca: authority", "client_ca: ./pki/root.crt");
    world.write("realm/countersign.yaml", yaml);
    world.sh("countersign cert issue --realm realm --profile client --cn robot --out there");
    world.sh(&format!(
        "cp realm/pki/server-ca.crt there/; mkdir aside; mv {PLACE}.crt {PLACE}.key aside/; rm realm/pki/client-ca.crt; \
         countersign ca init-issuer --kind client"
    ));
    world
}

impl House {
    fn renews_in_the_handshake(&self) -> testkit::Answer {
        self.renew("analyst", &self.csr("analyst", "-subj /CN=analyst"))
    }
}

#[test]
fn an_issuer_that_is_held_no_more_vouches_for_no_successor() {
    let house = House::of(succeeded());
    house.renews("robot", &["--now"]).exited(1);
    let said = house.renews_in_the_handshake().with_status(403);
    assert!(said.body.contains("its issuer is no issuer of this node any more"), "{said:?}");
    assert_eq!((house.on_record("robot"), house.on_record("analyst")), (1, 1));
}

/// While one takes another's place both vouch, and whoever is revoked does not.
#[test]
fn an_issuer_whose_place_was_taken_vouches_for_successors_until_it_is_revoked() {
    let world = succeeded();
    world.sh(&format!("cp aside/client.crt {PLACE}.old.crt; cp aside/client.key {PLACE}.old.key"));
    let house = House::of(world);
    house.renews("robot", &["--now", "--keep-key"]).succeeded().says("renewed CN=robot");
    house.world.sh("countersign cert issue --realm realm --profile client --cn late --out there");
    house.renews_in_the_handshake().with_status(200);
    let revoke = ["cert", "revoke", "--authority", &format!("{PLACE}.old.crt"), "--realm", "realm"];
    house.world.countersign(&revoke).succeeded();
    assert_ne!(house.renews_in_the_handshake().status, 200);
    house.world.sh("cp realm/clients/analyst.crt realm/clients/analyst.key there/");
    house.renews("analyst", &["--now"]).exited(1);
    assert_eq!(house.on_record("analyst"), 2);
    // What was issued by the new one goes on.
    house.renews("late", &["--now"]).succeeded().says("renewed CN=late");
}

/// Whichever certificate shows it, and whatever key the successor would have.
#[test]
fn a_key_that_was_given_up_as_compromised_renews_nothing_and_is_not_certified_again() {
    let house = House::aged();
    house.issued("client", "robot", "-1 minute");
    house.world.sh("cp there/robot.crt stolen.crt; cp there/robot.key stolen.key");
    // Another certificate of the same key, which was not given in exchange for it, and one that was.
    house.world.sh("openssl req -new -key stolen.key -out robot.csr -subj /CN=robot");
    let csr = house.world.read("robot.csr");
    let other = house.office("sign", &json!({ "csr": csr, "profile": "client" })).with_status(200).json();
    house.world.write("there/other.crt", other["chain"].as_str().unwrap());
    house.renews("robot", &["--now", "--keep-key"]).succeeded();
    house
        .world
        .sh("cp stolen.key there/other.key; cp there/robot.crt there/kept.crt; cp stolen.key there/kept.key");
    house.renews("robot", &["--now"]).succeeded();
    let revoke = "cert revoke stolen.crt --realm realm --reason keyCompromise --without-successors";
    let said = house.world.countersign(&revoke.split(' ').collect::<Vec<_>>()).succeeded();
    let (kept, robot) =
        ["kept", "robot"].map(|name| openssl::serial(&house.world, &format!("there/{name}.crt"))).into();
    said.says(&format!("revoked with it: CN=robot,O=development, serial {kept}"))
        .says(&format!("CN=robot,O=development, serial {robot}, given"));
    house.renews("kept", &["--now"]).exited(1).says("it has been revoked");
    for more in [&["--now"][..], &["--now", "--keep-key"]] {
        house.renews("other", more).exited(1).says("the key was given up as compromised");
    }
    // What another key was certified with stays, because that was asked for.
    house.renews("robot", &["--now"]).succeeded().says("renewed CN=robot");
}

/// Who had the key before it was missed may have renewed with it already.
#[test]
fn what_was_given_for_a_stolen_certificate_is_taken_back_with_it_or_named_where_it_is_to_stay() {
    let house = House::aged();
    house.issued("client", "robot", "-1 minute");
    house.world.sh("cp there/robot.crt stolen.crt; cp there/robot.key stolen.key");
    for _ in 0..2 {
        house.renews("robot", &["--now"]).succeeded();
    }
    let serial = openssl::serial(&house.world, "there/robot.crt");
    let revoke = "cert revoke stolen.crt --realm realm --reason keyCompromise --without-successors";
    let said = house.world.countersign(&revoke.split(' ').collect::<Vec<_>>()).succeeded();
    said.says("still good until").says(&serial).says("--with-successors");
    // Over the door, by its serial.
    let stolen = openssl::serial(&house.world, "stolen.crt");
    let ask = |more: Value| {
        let mut body = json!({ "serial": stolen, "reason": "keyCompromise" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.curl("admin").body(&body.to_string()).get("/_admin/revoke").with_status(200).json()
    };
    let named = ask(json!({ "with_successors": false }));
    assert_eq!(named["successors_revoked"], json!([]));
    assert_eq!(named["successors_still_good"].as_array().unwrap().len(), 2, "{named}");
    let taken = ask(json!({}));
    assert_eq!(taken["successors_still_good"], json!([]));
    let taken: Vec<_> = taken["successors_revoked"].as_array().unwrap().clone();
    assert!(taken.len() == 2 && taken.iter().any(|one| one["serial"] == serial), "{taken:?}");
    house.renews("robot", &["--now"]).exited(1).says("revoked");
    assert_eq!(house.on_record("robot"), 0);
}

#[test]
fn no_way_of_enrolment_certifies_a_key_that_was_given_up_as_compromised() {
    let house = House::new();
    house.issued("client", "robot", "-1 minute");
    house.world.sh("openssl req -new -key there/robot.key -out robot.csr -subj /CN=other");
    let csr = house.world.read("robot.csr");
    let revoke = ["cert", "revoke", "there/robot.crt", "--realm", "realm", "--reason", "keyCompromise"];
    house.world.countersign(&revoke).succeeded();
    let invitation = house.invited(&json!({ "common_name": "other" }));
    let words = "the key was given up as compromised";
    for said in [
        house.office("sign", &json!({ "csr": csr, "profile": "client" })),
        house.sign(&json!({ "csr": csr, "invitation": invitation })),
        house.renew("analyst", &csr),
    ] {
        let said = said.with_status(403);
        assert!(said.body.contains(words) && said.body.contains("request-not-allowed"), "{said:?}");
    }
    // The invitation holds for another key.
    let csr = house.csr("other", "-subj /CN=other");
    house.sign(&json!({ "csr": csr, "invitation": invitation })).with_status(200);
    assert_eq!(house.on_record("other"), 1);
}

/// Services' certificates are the node's to issue: nobody gets or keeps one over the door.
#[test]
fn certificates_of_services_are_neither_signed_nor_renewed_nor_promised_over_the_door() {
    let world = World::new();
    world.countersign(&["init", "realm"]).succeeded();
    world.sh("countersign ca init-issuer --kind service --service backend");
    let issuer =
        "  issuers:\n    service: { cert: ./pki/issuers/service.crt, key: ./pki/issuers/service.key }";
    let yaml = CONFIGURATION.replacen("  issuers:", issuer, 1);
    let yaml = yaml.replacen("authority:\n", "authority:\n  services: [backend]\n", 1);
    world.write("realm/countersign.yaml", yaml);
    world.sh("countersign cert issue --realm realm --profile service --cn backend --out there");
    let house = House::of(world);
    house.world.sh("cp realm/pki/server-ca.crt there/");
    let before = house.on_record("backend");
    let words = "are given to registered services alone; register the service";
    let csr = house.csr("backend", "-subj /CN=backend");
    for said in [
        house.office("sign", &json!({ "csr": csr, "profile": "service" })),
        house.office("invitations", &json!({ "common_name": "backend", "profile": "service" })),
    ] {
        let said = said.with_status(403);
        assert!(said.body.contains(words) && said.body.contains("request-not-allowed"), "{said:?}");
    }
    house.renews("backend", &["--now"]).exited(1).says(words);
    assert_eq!(house.on_record("backend"), before);
}
