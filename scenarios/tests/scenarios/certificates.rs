//! `cert`: issuing, listing, showing, exporting (L3, L4, L14, L17, T28).

use testkit::{Curl, Node, World, openssl};

/// A realm that is not served.
fn realm() -> World {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    world
}

/// L14: one command issues what the openssl lines make, and passes openssl's own checks.
#[test]
fn cert_issue_makes_a_certificate_that_openssl_and_the_node_accept() {
    let world = realm();
    world.countersign(&["cert", "issue", "--cn", "carol"]).succeeded();
    assert_eq!(world.mode("realm/clients/carol.key"), 0o600);
    world.sh("openssl verify -purpose sslclient -CAfile realm/pki/root.crt \
         -untrusted realm/pki/issuers/client.crt realm/clients/carol.crt");
    let text = world.sh("openssl x509 -in realm/clients/carol.crt -noout -text").stdout;
    assert!(text.contains("TLS Web Client Authentication") && !text.contains("TLS Web Server"), "{text}");
    assert!(text.contains("CA:FALSE"), "{text}");
    let node = Node::up(&world);
    let carol = Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .cert(&world.path("realm/clients/carol.crt"), &world.path("realm/clients/carol.key"));
    carol.get("/_auth/whoami").with_status(401);
}

/// T28: the issued file holds the leaf and its issuer.
#[test]
fn an_issued_file_holds_the_leaf_and_its_issuer() {
    let world = realm();
    world.countersign(&["cert", "issue", "--cn", "carol"]).succeeded();
    let pem = world.read("realm/clients/carol.crt");
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2, "{pem}");
    assert!(world.sh("openssl x509 -in realm/clients/carol.crt -noout -subject").stdout.contains("carol"));
}

/// L3: a lifetime is kept to the second, begins five minutes ago, and never outlives the issuer.
#[test]
fn a_lifetime_is_kept_and_never_outlives_the_issuer() {
    let world = realm();
    world.countersign(&["cert", "issue", "--cn", "carol", "--days", "7"]).succeeded();
    let seconds = |which: &str| {
        let said = world.sh(&format!(
            "date +%s -d \"$(openssl x509 -in realm/clients/carol.crt -noout -{which} | cut -d= -f2)\""
        ));
        said.stdout.trim().parse::<i64>().expect("a moment")
    };
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    assert!((now - seconds("startdate") - 300).abs() < 60);
    assert!((seconds("enddate") - now - 7 * 86_400).abs() < 60);
    let too_long = world.countersign(&["cert", "issue", "--cn", "dora", "--days", "99999"]);
    if too_long.code == Some(0) {
        world.sh("openssl verify -CAfile realm/pki/root.crt -untrusted realm/pki/issuers/client.crt realm/clients/dora.crt");
        let end = world.sh("for f in realm/clients/dora.crt realm/pki/issuers/client.crt; do \
                            date +%s -d \"$(openssl x509 -in $f -noout -enddate | cut -d= -f2)\"; done");
        let ends: Vec<i64> = end.stdout.lines().filter_map(|line| line.parse().ok()).collect();
        assert!(ends[0] <= ends[1], "{end}");
    }
}

/// L4: serials are long, random and positive, and listed as openssl reads them.
#[test]
fn serials_are_listed_as_openssl_reads_them() {
    let world = realm();
    let mut seen = std::collections::HashSet::new();
    for name in ["c1", "c2", "c3"] {
        world.countersign(&["cert", "issue", "--cn", name]).succeeded();
        let serial = openssl::serial(&world, &format!("realm/clients/{name}.crt"));
        assert!(serial.len() >= 16 && !serial.starts_with('-'), "{serial}");
        let listed = world.countersign(&["cert", "list", "--json", "--name", name]).succeeded();
        assert!(listed.stdout.contains(&serial), "{serial}: {listed}");
        assert!(seen.insert(serial), "a serial twice");
    }
}

/// `cert show` reads a file or a serial, and tells what openssl tells.
#[test]
fn cert_show_reads_a_file_or_a_serial() {
    let world = realm();
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    let by_file = world.countersign(&["cert", "show", "realm/clients/analyst.crt"]).succeeded();
    assert!(by_file.stdout.contains(&serial) && by_file.stdout.contains("CN=analyst"), "{by_file}");
    let by_serial = world.countersign(&["cert", "show", &serial.to_lowercase()]).succeeded();
    assert!(by_serial.stdout.contains("CN=analyst"), "{by_serial}");
    let json = world.countersign(&["cert", "show", "--json", "realm/clients/analyst.crt"]).succeeded();
    assert!(
        json.json().to_string().contains(&openssl::spki_sha256(&world, "realm/clients/analyst.crt")),
        "{json}"
    );
    world.countersign(&["cert", "show", "0123456789"]).exited(1);
    world.countersign(&["cert", "show", "nowhere.crt"]).exited(2);
}

/// `cert spki` prints openssl's hash for keys of every kind.
#[test]
fn cert_spki_prints_openssls_hash_for_keys_of_every_kind() {
    let world = World::new();
    for (name, key) in [
        ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
        ("ed", "-algorithm ED25519"),
    ] {
        world.sh(&format!("openssl genpkey {key} -out {name}.key && openssl req -x509 -new -key {name}.key -subj /CN=x -out {name}.crt"));
        let ran = world.countersign(&["cert", "spki", &format!("{name}.crt")]).succeeded();
        assert_eq!(ran.stdout.trim(), openssl::spki_sha256(&world, &format!("{name}.crt")), "{name}");
    }
}

/// `cert export` writes what a client wants, with its modes, and prints how to connect.
#[test]
fn cert_export_writes_the_files_that_each_client_wants() {
    let world = realm();
    for client in ["libpq", "jdbc", "node", "python", "go", "redis", "nginx", "browser"] {
        let out = format!("out-{client}");
        let ran =
            world.countersign(&["cert", "export", "analyst", "--for", client, "--out", &out]).succeeded();
        assert!(!ran.stdout.trim().is_empty(), "{ran}");
        let loose = world.sh(&format!("find {out} -type f \\( -name '*.key' -o -name '*.p12' -o -name '*.pk8' -o -name '*password*' \\) -perm /077"));
        assert_eq!(loose.stdout, "", "{client}: {loose}");
        assert!(!world.sh(&format!("ls {out}")).stdout.is_empty(), "{client}");
    }
    let libpq =
        world.countersign(&["cert", "export", "analyst", "--for", "libpq", "--out", "again"]).succeeded();
    libpq.says("sslmode=verify-full").says("sslcert=").says("sslrootcert=");
    world
        .countersign(&["cert", "export", "analyst", "--for", "libpq", "--out", "again"])
        .exited(2)
        .says("--force");
}

/// A PKCS#12 file for browsers opens with openssl and its written password.
#[test]
fn an_exported_pkcs12_file_opens_with_openssl() {
    let world = realm();
    world.write_secret("password", "correct horse\n");
    world
        .countersign(&[
            "cert",
            "export",
            "analyst",
            "--for",
            "browser",
            "--out",
            "out",
            "--password-file",
            "password",
        ])
        .succeeded();
    let ran = world.sh("openssl pkcs12 -in out/*.p12 -passin pass:'correct horse' -nodes");
    assert!(ran.stdout.contains("BEGIN CERTIFICATE") && ran.stdout.contains("PRIVATE KEY"), "{ran}");
}

/// L17: issued again with the same name, the certificate is still the same principal, without a change of configuration.
#[test]
fn a_certificate_issued_again_is_still_the_same_principal() {
    let world = realm();
    world.sh("cp realm/clients/analyst.crt old.crt");
    world.countersign(&["cert", "issue", "--cn", "analyst", "--out", "new"]).succeeded();
    let certificate = world.sh("ls new/*.crt new.crt 2>/dev/null | head -1").stdout.trim().to_owned();
    let key = certificate.replace(".crt", ".key");
    let node = Node::up(&world);
    let answer = Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .cert(&world.path(&certificate), &world.path(&key))
        .get("/_auth/whoami")
        .with_status(200)
        .json();
    assert_eq!(answer["principal"], "analyst");
    assert_ne!(openssl::serial(&world, &certificate), openssl::serial(&world, "old.crt"));
}

/// The profile decides: a client certificate cannot be had with a server's usage or as an authority.
#[test]
fn a_profile_decides_what_is_issued() {
    let world = realm();
    world.countersign(&["cert", "issue", "--profile", "nonsense", "--cn", "x"]).exited(2);
    world
        .countersign(&["cert", "issue", "--profile", "server", "--cn", "db.example.com", "--out", "srv"])
        .succeeded();
    let certificate = world.sh("ls srv/*.crt srv.crt 2>/dev/null | head -1").stdout.trim().to_owned();
    let text = world.sh(&format!("openssl x509 -in {certificate} -noout -text")).stdout;
    assert!(text.contains("TLS Web Server Authentication") && !text.contains("TLS Web Client"), "{text}");
    assert!(text.contains("DNS:db.example.com"), "{text}");
    world
        .countersign(&[
            "verify",
            "--trust",
            "realm/pki/server-ca.crt",
            "--purpose",
            "server",
            "--name",
            "db.example.com",
            &certificate,
        ])
        .succeeded();
}

/// From a request, only what the profile allows is taken: an authority cannot be smuggled in.
#[test]
fn a_request_for_an_authority_yields_no_authority() {
    let world = realm();
    world.sh(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout r.key -out r.csr -subj /CN=erin \
         -addext 'basicConstraints=critical,CA:TRUE' -addext 'extendedKeyUsage=serverAuth' 2>/dev/null",
    );
    let ran = world.countersign(&["cert", "issue", "--csr", "r.csr", "--out", "erin"]);
    if ran.code == Some(0) {
        let certificate = world.sh("ls erin/*.crt erin.crt 2>/dev/null | head -1").stdout.trim().to_owned();
        let text = world.sh(&format!("openssl x509 -in {certificate} -noout -text")).stdout;
        assert!(text.contains("CA:FALSE") && !text.contains("CA:TRUE"), "{text}");
        assert!(!text.contains("TLS Web Server"), "{text}");
    } else {
        ran.exited(1).says("authority");
    }
}

/// L14: the documented line issues from an authority that openssl made, and openssl verifies the result.
#[test]
fn an_authority_made_by_openssl_issues_too() {
    let world = World::new();
    testkit::recipe::two_authorities(&world);
    world.sh("rm analyst.crt analyst.key");
    world.countersign(&["cert", "issue", "--ca", "client-ca", "--cn", "analyst", "--days", "90"]).succeeded();
    world.sh("openssl verify -purpose sslclient -CAfile client-ca.crt analyst.crt");
    assert_eq!(world.mode("analyst.key"), 0o600);
    let listed = world.sh("openssl x509 -in analyst.crt -noout -enddate -checkend 7700000");
    assert!(listed.stdout.contains("will not expire"), "{listed}");
}

/// What exists is not overwritten, neither a key nor a certificate, unless `--force` says so.
#[test]
fn what_exists_is_not_overwritten() {
    let world = realm();
    let before = world.read("realm/clients/analyst.key");
    world.countersign(&["cert", "issue", "--cn", "analyst"]).exited(2).says("--force");
    assert_eq!(world.read("realm/clients/analyst.key"), before);
    world.countersign(&["cert", "issue", "--cn", "analyst", "--force"]).succeeded();
    assert_ne!(world.read("realm/clients/analyst.key"), before);
}

/// A key of each kind can be asked for, and encrypted; openssl opens it with the password.
#[test]
fn a_key_of_each_kind_can_be_asked_for_and_encrypted() {
    let world = realm();
    world.write_secret("password", "correct horse\n");
    for (kind, words) in [("ecdsa-p256", "prime256v1"), ("ecdsa-p384", "secp384r1"), ("ed25519", "ED25519")] {
        let name = format!("client-{kind}");
        let args = ["cert", "issue", "--cn", &name, "--key-type", kind, "--key-password-file", "password"];
        world.countersign(&args).succeeded();
        let key = format!("realm/clients/{name}.key");
        assert!(world.read(&key).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{kind}");
        let shown = world.sh(&format!("openssl pkey -in {key} -passin pass:'correct horse' -noout -text"));
        assert!(shown.stdout.contains(words), "{kind}: {shown}");
    }
}

/// A request is signed by profile, its key stays where it is, and a request that its key did not sign is refused.
#[test]
fn a_request_is_signed_and_a_forged_one_is_refused() {
    let world = realm();
    world.sh("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout r.key -out r.csr -subj /CN=erin");
    world.countersign(&["cert", "issue", "--csr", "r.csr", "--out", "out"]).succeeded();
    let certificate = world.sh("ls out/*.crt").stdout.trim().to_owned();
    world.sh(&format!("openssl verify -purpose sslclient -CAfile realm/pki/root.crt -untrusted realm/pki/issuers/client.crt {certificate}"));
    assert_eq!(world.sh("find out -name '*.key'").stdout, "", "no key is made for a request");
    let same = world.sh(&format!("[ \"$(openssl x509 -in {certificate} -pubkey -noout)\" = \"$(openssl pkey -in r.key -pubout)\" ] && echo same"));
    assert_eq!(same.stdout.trim(), "same");
    // The last byte of the signature is another one.
    world.sh("openssl req -in r.csr -outform DER -out r.der; printf '\\377' | dd of=r.der bs=1 seek=$(($(stat -c %s r.der) - 1)) conv=notrunc status=none");
    let forged = world.countersign(&["cert", "issue", "--csr", "r.der", "--out", "forged"]);
    assert!(matches!(forged.code, Some(1 | 2)), "{forged}");
    assert!(!world.path("forged").exists(), "nothing is written");
}
