use serde_json::json;

use super::house::House;

/// Every kind of name, and everything that is no name, through one rule.
#[test]
fn whatever_is_smuggled_into_a_request_is_refused() {
    let house = House::new();
    let secret = house.invited(&json!({ "common_name": "robot", "sans": ["a.example.com", "10.0.0.1"] }));
    for smuggled in [
        "-subj /CN=admin",
        "-subj /CN=robot/O=production",
        "-subj /CN=robot/OU=countersign-internal",
        "-subj /CN=robot/emailAddress=admin@example.com",
        "-subj /CN=robot/UID=admin",
        "-subj /CN=robot -addext subjectAltName=DNS:b.example.com",
        "-subj /CN=robot -addext subjectAltName=DNS:*.example.com",
        "-subj /CN=robot -addext subjectAltName=DNS:a.example.com,DNS:admin",
        "-subj /CN=robot -addext subjectAltName=URI:spiffe://example.com/admin",
        "-subj /CN=robot -addext subjectAltName=email:admin@example.com",
        "-subj /CN=robot -addext subjectAltName=IP:10.0.0.2",
        "-subj /CN=robot -addext basicConstraints=critical,CA:TRUE",
        "-subj /CN=robot -addext keyUsage=keyCertSign",
        "-subj /CN=robot -addext extendedKeyUsage=anyExtendedKeyUsage",
        "-subj /CN=robot -addext extendedKeyUsage=codeSigning",
        "-subj /CN=robot -addext 'nameConstraints=permitted;DNS:example.com'",
    ] {
        let csr = house.csr("robot", smuggled);
        let said = house.sign(&json!({ "invitation": secret, "csr": csr })).with_status(403);
        assert_eq!(said.json()["error"]["code"], "request-not-allowed", "{smuggled}: {said:?}");
    }
    for unreadable in [
        "-subj /CN=robot -addext 'subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:admin@example.com'",
        "-subj /CN=robot/CN=admin",
    ] {
        let csr = house.csr("robot", unreadable);
        let said = house.sign(&json!({ "invitation": secret, "csr": csr })).with_status(400);
        assert!(said.body.contains("csr: the certificate request cannot be used"), "{unreadable}: {said:?}");
    }
    assert_eq!(house.on_record("robot"), 0, "nothing was issued");
    let csr = house.csr("robot", "-subj /CN=robot -addext subjectAltName=DNS:a.example.com");
    house.sign(&json!({ "invitation": secret, "csr": csr })).with_status(200);
}

#[test]
fn a_client_gets_its_own_names_an_administrator_what_the_profile_allows_and_a_stranger_nothing() {
    let house = House::new();
    let own = house.csr("own", "-subj /CN=analyst");
    let given = house.renew("analyst", &own).with_status(200).json();
    assert_eq!(
        (&given["profile"], &given["subject"]),
        (&json!("client"), &json!("CN=analyst,O=development"))
    );
    let other = house.csr("other", "-subj /CN=admin");
    assert_eq!(
        house.renew("analyst", &other).with_status(403).json()["error"]["code"],
        "request-not-allowed"
    );
    // An administrator too, where it asks for the successor of its own.
    assert_eq!(house.renew("admin", &own).with_status(403).json()["error"]["code"], "request-not-allowed");
    let robot = house.csr("robot", "-subj /CN=robot-1 -addext subjectAltName=DNS:r.example.com");
    house.office("sign", &json!({ "csr": robot, "profile": "named" })).with_status(200);
    for (wish, status, words) in [
        (json!({ "csr": other, "profile": "named" }), 400, "does not allow these names: CN=admin"),
        (json!({ "csr": robot, "profile": "nmaed" }), 400, "did you mean"),
        (json!({ "csr": robot }), 400, "the request names no profile"),
        (
            json!({ "csr": "-----BEGIN", "profile": "client" }),
            400,
            "csr: the certificate request cannot be used",
        ),
        (json!({ "csr": "x".repeat(20_000), "profile": "client" }), 413, "larger than 16 KiB"),
        (json!({ "csr": robot, "profile": "client", "lifetime": "soon" }), 400, "lifetime"),
        (json!({ "csr": robot, "profil": "client" }), 400, "unknown field"),
    ] {
        let said = house.office("sign", &wish).with_status(status).body;
        assert!(said.contains(words), "{words}: {said}");
    }
    let body = json!({ "csr": robot, "profile": "client" });
    let said = house.sign(&body).with_status(401);
    assert_eq!(said.json()["error"]["code"], "certificate-required");
    house
        .stranger(house.enrol)
        .body(&body.to_string())
        .get("/api/admin/security/certificates/sign")
        .with_status(404);
    let weak =
        house.world.sh("openssl req -new -newkey rsa:1024 -nodes -keyout w.key -subj /CN=robot-1").stdout;
    house.office("sign", &json!({ "csr": weak, "profile": "client" })).with_status(400);
}

#[test]
fn one_who_asks_too_often_is_told_to_wait() {
    let house = House::altered("per_minute: 1000", "per_minute: 3");
    let nonce = || house.stranger(house.enrol).get("/api/enrolment/nonce").status;
    let statuses: Vec<u16> = (0..5).map(|_| nonce()).collect();
    assert_eq!(statuses[..3], [200, 200, 200]);
    assert!(statuses[3..].contains(&429), "{statuses:?}");
}
