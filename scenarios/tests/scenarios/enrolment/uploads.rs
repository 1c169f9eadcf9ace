use serde_json::json;

use super::house::{House, OFFICE};

impl House {
    /// A certificate of somebody else's authority, for a request or for a new key.
    fn foreign(&self, csr: Option<&str>) {
        self.world.sh("[ -e ca.crt ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -subj /CN=elsewhere");
        match csr {
            Some(csr) => drop(self.world.write("web.csr", csr)),
            None => drop(self.csr("web", "-subj /CN=localhost -addext subjectAltName=DNS:localhost")),
        }
        self.world.sh("openssl x509 -req -in web.csr -CA ca.crt -CAkey ca.key -CAcreateserial -copy_extensions copyall -days 30 -out web.crt");
    }
}

/// L12: the key is made on the node and never leaves it; L11: the certificate for it completes the pair.
#[test]
fn a_key_that_was_made_here_is_completed_by_its_certificate_and_never_shown() {
    let house = House::new();
    let made = house.office("csr", &json!({ "name": "web", "sans": ["localhost"] })).with_status(200).json();
    let csr = made["csr"].as_str().unwrap();
    house.world.write("made.csr", csr);
    house.world.sh("openssl req -in made.csr -noout -verify");
    let listed = house.does("GET", "uploaded", None).with_status(200).json();
    assert_eq!((&listed["waiting"], &listed["total"]), (&json!(["web"]), &json!(0)));
    // For another key it is not taken.
    house.foreign(None);
    let other = json!({ "certificate": house.world.read("web.crt") });
    house.does("PUT", "web", Some(&other)).with_status(400);
    house.foreign(Some(csr));
    let own = json!({ "certificate": house.world.read("web.crt") });
    let put = house.does("PUT", "web", Some(&own)).with_status(200);
    assert!(!put.body.contains("PRIVATE"), "{put:?}");
    assert_eq!(house.world.mode("realm/state/certificates/web/tls.key"), 0o600);
    let shown = house.does("GET", "web", None).with_status(200);
    assert!(shown.body.contains("CN=elsewhere") && !shown.body.contains("PRIVATE"), "{shown:?}");
    house.does("DELETE", "web", None).with_status(200);
    house.does("GET", "web", None).with_status(404);
    assert_eq!(house.world.sh("find realm/state/certificates -type f").stdout, "");
}

#[test]
fn a_certificate_that_a_profile_presents_is_replaced_whole_and_not_removed() {
    let house = House::new();
    house.foreign(None);
    let body = json!({ "certificate": house.world.read("web.crt"), "key": house.world.read("web.key") });
    house.does("PUT", "web", Some(&body)).with_status(200);
    for (method, name, body) in
        [("PUT", "sign", Some(&body)), ("PUT", ".web", Some(&body)), ("GET", "nobody", None)]
    {
        assert!(matches!(house.does(method, name, body).status, 400 | 404), "{method} {name}");
    }
    let mismatched = json!({ "certificate": house.world.read("web.crt"), "key": house.world.read("ca.key") });
    let said = house.does("PUT", "web", Some(&mismatched)).with_status(400);
    assert!(said.body.contains("the key does not belong to the certificate"), "{said:?}");
    let path = format!("{OFFICE}/web");
    assert_eq!(house.curl("analyst").get(&path).with_status(403).json()["error"]["code"], "admin-only");
    // From now on a profile presents it.
    let House { world, node, .. } = house;
    node.interrupted().succeeded();
    let pair = "mode: files, cert: ./state/certificates/web/tls.crt, key: ./state/certificates/web/tls.key";
    let yaml = world
        .read("realm/countersign.yaml")
        .replace("enrol: { mode: authority, hosts: [localhost] }", &format!("enrol: {{ {pair} }}"));
    world.write("realm/countersign.yaml", yaml);
    let house = House::of(world);
    let (port, ca) = (house.enrol, house.world.path("ca.crt"));
    testkit::Curl::at(port, "localhost").cacert(&ca).get("/_health").with_status(200);
    let said = house.does("DELETE", "web", None).with_status(409);
    assert!(said.body.contains("what the tls profile enrol presents"), "{said:?}");
}
