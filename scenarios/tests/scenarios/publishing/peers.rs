//! What others make of it who look at revocation: nginx, and a node of ours that has only the certificates to go by.

use std::process::{Child, Command, Stdio};

use testkit::patience::wait_for;
use testkit::{Node, World};

use super::Office;

/// nginx in front of nothing, at a Unix socket; killed when dropped.
struct Nginx<'a> {
    world: &'a World,
    child: Child,
}

impl<'a> Nginx<'a> {
    /// With these further lines for the server, which asks for a client certificate below our root.
    fn serve(world: &'a World, lines: &str) -> Self {
        let here = world.folder().display().to_string();
        let config = CONFIG.replace("@lines", lines).replace("@here", &here);
        world.write("nginx.conf", config);
        let _ = std::fs::remove_file(world.path("nginx.sock"));
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p", &here, "-c", "nginx.conf"]).current_dir(world.folder());
        let errors = std::fs::File::create(world.path("nginx.log")).expect("a file in the world");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let child = command.spawn().expect("nginx (Debian: nginx-light)");
        let nginx = Self { world, child };
        wait_for(
            "nginx at its socket",
            || world.read("nginx.log"),
            || std::os::unix::net::UnixStream::connect(world.path("nginx.sock")).ok(),
        );
        nginx
    }

    /// The status that `NAME.crt` gets: 200, or 400 for a certificate that is refused.
    fn status(&self, name: &str) -> String {
        let line = "curl -sS -o /dev/null -w '%{http_code}' --unix-socket nginx.sock --cacert realm/pki/root.crt \
                    --cert realm/clients/NAME.crt --key realm/clients/NAME.key https://localhost/";
        self.world.sh(&line.replace("NAME", name)).stdout
    }

    fn log(&self) -> String {
        self.world.read("nginx.log")
    }
}

impl Drop for Nginx<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CONFIG: &str = "daemon off;\nmaster_process off;\npid @here/nginx.pid;\nerror_log stderr info;\nevents {}\nhttp {\n\
    access_log off;\nclient_body_temp_path @here/t1;\nproxy_temp_path @here/t2;\nfastcgi_temp_path @here/t3;\n\
    uwsgi_temp_path @here/t4;\nscgi_temp_path @here/t5;\nserver {\nlisten unix:@here/nginx.sock ssl;\n\
    ssl_certificate @here/realm/clients/localhost.crt;\nssl_certificate_key @here/realm/clients/localhost.key;\n\
    ssl_client_certificate @here/realm/pki/root.crt;\nssl_verify_client on;\nssl_verify_depth 2;\n@lines\n\
    location / { return 200; }\n}\n}\n";

impl Office {
    /// With the clients alice and bob, and a certificate for nginx.
    fn with_clients() -> Self {
        Self::open().and_clients()
    }

    /// The same, with a responder for the root, below which the issuer of clients was made that says so.
    fn answering_for_the_root() -> Self {
        let office = Self::with("  root_ocsp: { cert: ./pki/root-ocsp.crt, key: ./pki/root-ocsp.key }\n");
        let world = &office.world;
        world.sh("mkdir before && mv realm/pki/issuers/client.* realm/pki/client-ca.crt before");
        let url = ["--kind", "client", "--distribution-url", &office.base];
        world.countersign(&[&["ca", "init-issuer"], &url[..]].concat()).succeeded();
        // The node believes another issuer from then on, which somebody has to allow.
        let node = format!("https://localhost:{}", office.port());
        let reload = ["reload", "--as", "admin", "--allow-weaker", "all", "--url", &node];
        world.countersign(&reload).succeeded();
        office.and_clients()
    }

    fn and_clients(self) -> Self {
        let office = self;
        for name in ["alice", "bob"] {
            office.client(name);
        }
        let server = ["cert", "issue", "--profile", "server", "--cn", "localhost", "--out", "realm/clients"];
        office.world.countersign(&server).succeeded();
        office
    }
}

/// R18: nginx with `ssl_crl`, which looks at the lists of the whole chain.
#[test]
fn nginx_refuses_who_is_on_the_published_list_and_nobody_else() {
    let office = Office::with_clients();
    office.fetch("/pki/crl.pem", "crl.pem");
    {
        let nginx = Nginx::serve(&office.world, "ssl_crl @here/crl.pem;");
        assert_eq!((&*nginx.status("alice"), &*nginx.status("bob")), ("200", "200"), "{}", nginx.log());
    }
    office.revoke("alice");
    office.list_with(1);
    office.fetch("/pki/crl.pem", "crl.pem");
    let nginx = Nginx::serve(&office.world, "ssl_crl @here/crl.pem;");
    assert_eq!((&*nginx.status("alice"), &*nginx.status("bob")), ("400", "200"), "{}", nginx.log());
    assert!(nginx.log().contains("certificate revoked"), "{}", nginx.log());
}

/// R18: nginx with `ssl_ocsp leaf`, which asks our responder by GET at the address in the certificate.
#[test]
fn nginx_asks_our_responder_and_believes_it() {
    let office = Office::with_clients();
    let nginx = Nginx::serve(&office.world, "ssl_ocsp leaf;");
    assert_eq!((&*nginx.status("alice"), &*nginx.status("bob")), ("200", "200"), "{}", nginx.log());
    office.revoke("alice");
    office.list_with(1);
    assert_eq!((&*nginx.status("alice"), &*nginx.status("bob")), ("400", "200"), "{}", nginx.log());
    office.node.logged(&["method=GET", "path=/pki/ocsp/"]);
}

/// R18: nginx with `ssl_ocsp on`, which asks about the issuer as well: the root's responder answers that, whom the root has
/// certified by hand.
#[test]
fn nginx_asks_about_the_whole_chain_and_refuses_everybody_below_a_revoked_issuer() {
    let office = Office::answering_for_the_root();
    let world = &office.world;
    let nginx = Nginx::serve(world, "ssl_ocsp on;");
    assert_eq!((&*nginx.status("alice"), &*nginx.status("bob")), ("200", "200"), "{}", nginx.log());
    office.revoke("alice");
    office.list_with(1);
    assert_eq!((&*nginx.status("alice"), &*nginx.status("bob")), ("400", "200"), "{}", nginx.log());
    let issuer =
        ["cert", "revoke", "--authority", "realm/pki/issuers/client.crt", "--reason", "cACompromise"];
    world.countersign(&issuer).succeeded();
    let ask = format!(
        "openssl ocsp -issuer realm/pki/root.crt -cert realm/pki/issuers/client.crt -url {}/pki/ocsp -CAfile realm/pki/root.crt",
        office.base
    );
    wait_for(
        "the root's word that the issuer is revoked",
        || office.node.log(),
        || Some(world.try_sh(&ask)).filter(|ran| ran.said().contains("client.crt: revoked")),
    )
    .says("Response verify OK");
    assert_eq!((&*nginx.status("alice"), &*nginx.status("bob")), ("400", "400"), "{}", nginx.log());
    // Nobody made up an issuer, and nobody is asked about what another root has signed.
    let made_up = ask.replace("-cert realm/pki/issuers/client.crt", "-serial 0x1234");
    world.try_sh(&made_up).says("Response verify OK").says("unknown");
}

/// R18, R21: a node of ours without our ledger lets in and refuses the same by what is published, each way of asking.
#[test]
fn another_node_judges_our_certificates_by_what_is_published() {
    let office = Office::with_clients();
    let world = &office.world;
    world.sh("cp realm/clients/localhost.* . && cat realm/pki/root.crt > trusted.pem");
    let ways = ["crl: true, ocsp: false", "crl: false, ocsp: true"];
    let nodes = ways.map(|way| {
        let name = format!("{}.yaml", way.len());
        world.write(&name, ELSEWHERE.replace("@way", way));
        Node::serve(world, &name)
    });
    let status = |node: &Node, name: &str| {
        let line = "curl -s -o /dev/null -w '%{http_code}' --cacert realm/pki/root.crt \
                    --cert realm/clients/NAME.crt --key realm/clients/NAME.key https://localhost:PORT/_auth/whoami";
        world.try_sh(&line.replace("NAME", name).replace("PORT", &node.port().to_string())).stdout
    };
    office.revoke("alice");
    office.list_with(1);
    for node in &nodes {
        assert_eq!(status(node, "bob"), "200", "{node}");
        assert_ne!(status(node, "alice"), "200", "{node}");
        node.logged(&["certificate-revoked"]);
    }
}

const ELSEWHERE: &str = "tls:\n  main:\n    mode: files\n    cert: ./localhost.crt\n    key: ./localhost.key\n    \
    client_ca: ./trusted.pem\n    revocation:\n      verification: { @way, check_intermediates: false, allow_private_addresses: true }\n\
    listeners:\n  - { name: main, transport: h2, address: \"127.0.0.1:0\", tls: main, auth: [mtls] }\n\
    auth:\n  principals:\n    - name: alice\n      methods: [ { mtls: { subject_cn: alice } } ]\n    \
    - name: bob\n      methods: [ { mtls: { subject_cn: bob } } ]\n\
    databases: [ { name: app, backend: memory-shared, grants: [ { principal: bob, level: read-only }, { principal: alice, level: read-only } ] } ]\n";
