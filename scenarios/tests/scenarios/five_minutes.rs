//! `countersign up`: from nothing to an SQL database that only certificates open, with one command.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;
use testkit::{Curl, Node, World};

/// Every file of the realm with its mode; databases grow companions while they are open, and are not listed.
fn tree(world: &World) -> BTreeMap<String, u32> {
    let listed = world.sh("find realm -type f -printf '%P %m\\n'").stdout;
    let mode = |text: &str| u32::from_str_radix(text, 8).expect("find prints octal modes");
    listed
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .filter(|(name, _)| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .map(|(name, bits)| (name.to_owned(), mode(bits)))
        .collect()
}

/// What every file holds, but for what a served realm is meant to write: its databases.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the realm") {
            let path = entry.expect("an entry").path();
            let name = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("/data/") && !name.contains("/state/") {
                found.insert(name, fs::read(&path).expect("a file of the realm"));
            }
        }
    }
    found
}

/// The line of the output that begins with this word, continued lines joined, without the word.
fn printed(node: &Node, word: &str) -> String {
    node.logged(&[word]);
    let log = node.log();
    let mut lines = log.lines().skip_while(|line| !line.trim_start().starts_with(word)).map(str::trim);
    let mut line = lines.next().unwrap_or_else(|| panic!("no line begins with {word}: {log}")).to_owned();
    while line.ends_with('\\') {
        line.pop();
        line.push_str(lines.next().unwrap_or_default());
    }
    line.trim_start_matches(word).trim().to_owned()
}

fn analyst(world: &World, node: &Node) -> Curl {
    Curl::to(node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .cert(&world.path("realm/clients/analyst.crt"), &world.path("realm/clients/analyst.key"))
}

/// The first run makes exactly the documented tree, and no secret is open to others.
#[test]
fn the_first_run_makes_exactly_the_documented_tree() {
    let world = World::new();
    let node = Node::up(&world);
    node.logged(&["principals"]);
    let made = tree(&world);
    for file in [
        "countersign.yaml",
        "pki/root.crt",
        "pki/server-ca.crt",
        "pki/client-ca.crt",
        "pki/issuers/server.crt",
        "pki/issuers/server.key",
        "pki/issuers/client.crt",
        "pki/issuers/client.key",
        "offline/root.key",
        "clients/admin.crt",
        "clients/admin.key",
        "clients/analyst.crt",
        "clients/analyst.key",
        "data/app.db",
        "state/ledger.db",
    ] {
        assert!(made.contains_key(file), "{file} is missing: {made:#?}");
    }
    for (file, mode) in &made {
        let is_secret = file.ends_with(".key") || file.ends_with("ledger.db");
        let wanted = if is_secret { 0o600 } else { mode & 0o755 };
        assert_eq!(*mode, wanted, "{file} has mode {mode:o}");
    }
    let documented = made.keys().filter(|file| {
        file.ends_with(".crt")
            || file.ends_with(".key")
            || file.starts_with("state/published/")
            || [
                "countersign.yaml",
                "data/app.db",
                "state/ledger.db",
                "state/node.id",
                "state/revocations.known",
                "state/services/.node",
            ]
            .contains(&file.as_str())
    });
    assert_eq!(documented.count(), made.len(), "nothing else lies in a realm: {made:#?}");
}

/// One root, two issuers with path length 0, each for one purpose only, in its own certificate.
#[test]
fn each_issuer_is_constrained_to_its_purpose_by_its_own_certificate() {
    let world = World::new();
    let node = Node::up(&world);
    drop(node);
    for (issuer, usage) in
        [("server", "TLS Web Server Authentication"), ("client", "TLS Web Client Authentication")]
    {
        let text = world.sh(&format!("openssl x509 -in realm/pki/issuers/{issuer}.crt -noout -text")).stdout;
        assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
        assert!(text.contains(usage), "{text}");
        assert_eq!(text.matches("TLS Web").count(), 1, "{text}");
    }
    world.sh("openssl verify -CAfile realm/pki/root.crt -untrusted realm/pki/issuers/client.crt realm/clients/analyst.crt");
    // Whoever can issue client identities cannot make a server certificate that a client accepts.
    world.sh("cp realm/pki/issuers/client.crt ca.crt; cp realm/pki/issuers/client.key ca.key");
    testkit::certificate::leaf(
        &world,
        "ca",
        "rogue",
        "/CN=localhost",
        "subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth",
        &testkit::certificate::More::default(),
    );
    world.sh("cat rogue.crt ca.crt > chain.crt");
    world
        .countersign(&[
            "verify",
            "--trust",
            "realm/pki/server-ca.crt",
            "--purpose",
            "server",
            "--name",
            "localhost",
            "chain.crt",
        ])
        .exited(1)
        .says("wrong-purpose");
    world
        .try_sh(
            "openssl verify -purpose sslserver -CAfile realm/pki/server-ca.crt -untrusted ca.crt rogue.crt",
        )
        .exited(2);
}

/// The printed curl line works by copy and paste.
#[test]
fn the_printed_curl_line_works_by_copy_and_paste() {
    let world = World::new();
    let node = Node::up(&world);
    let line = printed(&node, "try ");
    assert!(line.starts_with("curl "), "{line}");
    let ran = world.sh(&line.replace("curl ", "curl -sS "));
    assert_eq!(
        ran.stdout.trim_end(),
        r#"{"columns":["1"],"rows":[[1]],"rows_affected":0,"last_insert_id":0}"#
    );
}

/// The printed `query` line works by copy and paste.
#[test]
fn the_printed_query_line_works_by_copy_and_paste() {
    let world = World::new();
    let node = Node::up(&world);
    let line = printed(&node, "or ");
    assert!(line.contains("countersign query "), "{line}");
    let ran = world.sh(&line);
    assert_eq!(ran.json()["rows"], json!([[1]]), "{ran}");
}

/// HTTP/1.1 and HTTP/2 are served under `localhost`, under 127.0.0.1 and under the machine's own name.
#[test]
fn the_server_certificate_covers_localhost_and_the_machines_name() {
    let world = World::new();
    let node = Node::up(&world);
    let own_name = world.sh("uname -n").stdout.trim().to_owned();
    for host in ["localhost", "127.0.0.1", &own_name] {
        for version in ["--http1.1", "--http2"] {
            Curl::to(&node, host)
                .cacert(&world.path("realm/pki/server-ca.crt"))
                .cert(&world.path("realm/clients/analyst.crt"), &world.path("realm/clients/analyst.key"))
                .arg(version)
                .get("/_health")
                .with_status(200);
        }
    }
}

/// The admin may do everything on every database, the analyst reads and writes `app`, nobody else gets in.
#[test]
fn the_admin_and_the_analyst_may_do_what_the_output_says() {
    let world = World::new();
    let node = Node::up(&world);
    let log = node.logged(&["principals"]);
    assert!(log.contains("admin (admin on ") && log.contains("analyst (read-write on app)"), "{log}");
    analyst(&world, &node).sql("app", "CREATE TABLE t(a)").with_status(200);
    let admin = Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .cert(&world.path("realm/clients/admin.crt"), &world.path("realm/clients/admin.key"));
    assert_eq!(admin.get("/_auth/whoami").with_status(200).json()["principal"], "admin");
    admin.get("/_admin/status").with_status(200);
    analyst(&world, &node).get("/_admin/status").is_refused(
        403,
        "forbidden: administrators only",
        "admin-only",
    );
    Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .get("/_health")
        .failed(56, "alert");
}

/// A second run serves the same realm and changes nothing in it.
#[test]
fn a_second_run_serves_the_same_realm_and_changes_nothing() {
    let world = World::new();
    let node = Node::up(&world);
    analyst(&world, &node).sql("app", "CREATE TABLE kept(a)").with_status(200);
    assert_eq!(node.interrupted().code, Some(0));
    let before = contents(&world.path("realm"));
    let modes = tree(&world);
    let node = Node::up(&world);
    assert!(!node.has_logged(&["created"]), "{node}");
    let rows = analyst(&world, &node).sql("app", "SELECT name FROM sqlite_schema").with_status(200).json();
    assert_eq!(rows["rows"], json!([["kept"]]));
    assert_eq!(node.interrupted().code, Some(0));
    let after = contents(&world.path("realm"));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (file, content) in &before {
        assert!(after[file] == *content, "{file} has changed");
    }
    assert_eq!(modes, tree(&world));
}

/// The root's key is needed for nothing: with it taken away, the realm serves on.
#[test]
fn the_realm_serves_without_the_roots_key() {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    fs::remove_file(world.path("realm/offline/root.key")).expect("the root's key");
    let node = Node::up(&world);
    analyst(&world, &node).sql("app", "SELECT 1").with_status(200);
    assert!(!world.path("realm/offline/root.key").exists(), "and it is not made again");
}

/// A realm is itself served by `serve --config`, from any folder.
#[test]
fn a_realm_is_served_by_its_configuration_from_any_folder() {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    let file = world.path("realm/countersign.yaml").display().to_string();
    let elsewhere = World::new();
    let node = Node::start(&elsewhere, &["serve", "--config", &file, "--listen", "127.0.0.1:0"], &[]);
    analyst(&world, &node).sql("app", "SELECT 1").with_status(200);
    let left = elsewhere.sh("ls -A").stdout;
    assert!(left.is_empty(), "nothing is written where it was started: {left}");
}

/// A port that is taken is a clear fault with exit code 1 or 2, and nothing is left half-made.
#[test]
fn a_port_that_is_taken_is_named() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let ran = world.countersign(&["up", "--listen", &address]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
    assert!(ran.stderr.contains(&address), "{ran}");
    assert!(ran.stderr.contains("--listen"), "the remedy: {ran}");
    drop(taken);
    let node = Node::up(&world);
    analyst(&world, &node).get("/_health").with_status(200);
}

/// The address of the first run is the realm's own: commands find the node without being told, and a second listener can be added.
#[test]
fn the_address_of_the_first_run_is_written_into_the_new_realm() {
    let world = World::new();
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let node = Node::start(&world, &["up", "--listen", &free.to_string()], &[]);
    assert_eq!(node.address(), free);
    assert!(world.read("realm/countersign.yaml").contains(&format!("address: \"{free}\"")));
    world.countersign(&["status", "--as", "admin"]).succeeded().says("healthy");
    world.countersign(&["query", "app", "SELECT 1"]).succeeded();
    let yaml = world.read("realm/countersign.yaml");
    let second = "listeners:\n  - { name: second, transport: h2, address: \"127.0.0.1:0\", tls: main, auth: [mtls] }\n";
    world.write("realm/countersign.yaml", yaml.replacen("listeners:\n", second, 1));
    world
        .countersign(&["reload", "--as", "admin", "--url", &format!("https://localhost:{}", free.port())])
        .succeeded();
    drop(node.interrupted());
    let other = World::new();
    drop(Node::up(&other));
    let yaml = other.read("realm/countersign.yaml");
    assert!(yaml.contains("127.0.0.1:7777"), "a port that the system chose is not the realm's own: {yaml}");
}

/// A file that lies where the realm should be is left alone.
#[test]
fn a_file_in_the_place_of_the_realm_is_left_alone() {
    let world = World::new();
    world.write("realm", "mine");
    let ran = world.countersign(&["up", "--listen", "127.0.0.1:0"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
    assert!(ran.stderr.contains("realm"), "{ran}");
    assert_eq!(world.read("realm"), "mine");
}

/// A folder that cannot be written to is named, with what the system said.
#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let world = World::new();
    let ran = world.countersign(&["up", "--realm", "/proc/realm", "--listen", "127.0.0.1:0"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
    assert!(ran.stderr.contains("/proc/realm"), "{ran}");
    assert!(!ran.stderr.contains("panicked"), "{ran}");
}

/// A folder with somebody else's files in it is not made a realm.
#[test]
fn a_folder_with_other_files_in_it_is_not_made_a_realm() {
    let world = World::new();
    world.write("realm/thesis.txt", "mine");
    let ran = world.countersign(&["up", "--listen", "127.0.0.1:0"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
    let left = world.sh("find realm -type f").stdout;
    assert_eq!(left.trim(), "realm/thesis.txt");
}

/// A realm of which a part is missing is not mended behind its owner's back: the missing file is named, and nothing else
/// is written.
#[test]
fn a_realm_with_a_part_missing_names_it_and_writes_nothing() {
    for missing in ["pki/issuers/client.key", "countersign.yaml", "pki/root.crt", "pki/issuers/server.crt"] {
        let world = World::new();
        assert_eq!(Node::up(&world).interrupted().code, Some(0));
        fs::remove_file(world.path(format!("realm/{missing}"))).expect("a file of the realm");
        let before = contents(&world.path("realm"));
        let ran = world.countersign(&["up", "--listen", "127.0.0.1:0"]);
        assert!(matches!(ran.code, Some(1 | 2)), "{missing}: {ran}");
        assert!(ran.stderr.contains(missing), "{missing}: {ran}");
        assert!(contents(&world.path("realm")) == before, "{missing}: something was written");
    }
}

/// A first run that was cut short leaves either a realm or a folder that the next run takes up.
#[test]
fn a_first_run_that_was_killed_does_not_stand_in_the_way() {
    let world = World::new();
    let mut early = testkit::binary::command(["up", "--listen", "127.0.0.1:0"]);
    let mut child = early.current_dir(world.folder()).spawn().expect("a started node");
    testkit::patience::wait_for(
        "the first file of the realm",
        || "",
        || world.path("realm").exists().then_some(()),
    );
    child.kill().expect("a running node");
    child.wait().expect("an ended node");
    let ran = world.try_sh("timeout --signal INT 4 countersign up --listen 127.0.0.1:0");
    assert!(ran.stdout.contains("listening on") || ran.stderr.contains("realm"), "{ran}");
}

/// Start-up of an existing realm takes less than a second even in a debug build.
#[test]
fn an_existing_realm_is_served_quickly() {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    let began = std::time::Instant::now();
    let _node = Node::up(&world);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

/// L13: one command writes authorities, a server certificate and clients, and prints the curl line; a second run
/// changes nothing.
#[test]
fn init_makes_a_realm_without_serving_and_a_second_run_changes_nothing() {
    let world = World::new();
    for name in ["init", "dev-certs"] {
        world.countersign(&[name, "realm"]).succeeded().says("curl --cacert realm/pki/server-ca.crt");
    }
    let before = contents(&world.path("realm"));
    world.countersign(&["init", "realm"]).succeeded().says("nothing was changed");
    assert_eq!(contents(&world.path("realm")), before);
}

/// An option that only a new realm can follow is refused for one that is there: nobody believes its keys encrypted.
#[test]
fn a_password_for_the_keys_of_a_realm_that_is_there_is_refused() {
    let world = World::new();
    world.countersign(&["init", "realm"]).succeeded();
    world.write_secret("password", "correct horse");
    for command in [["init", "realm"], ["up", "--realm=realm"]] {
        let args = [command[0], "--key-password-file", "password", command[1]];
        world.countersign(&args).exited(2).says("the realm is there already");
    }
}
