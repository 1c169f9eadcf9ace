//! `check`: everything that is wrong at once, and who is recognized by what (E12).

use crate::production::{Production, replaced};

/// `check` finds what `serve` would find, in files too, and tells all of it in one run with exit code 2.
#[test]
fn check_tells_every_fault_of_file_and_certificates_in_one_run() {
    let production = Production::new();
    production.world.write("client-ca.crt", "");
    production.world.set_mode("server.key", 0o644);
    production.world.write("countersign.yaml", production.written());
    let ran = production.world.countersign(&["check", "countersign.yaml"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
    assert!(ran.said().contains("contains no valid PEM certificates"), "{ran}");
    assert!(ran.said().contains("group or world access"), "{ran}");
    assert!(!production.world.path("app.db").exists(), "check makes nothing");
}

/// `check` says yes exactly where `serve` starts.
#[test]
fn checks_yes_is_serves_yes() {
    let production = Production::new();
    for (piece, replacement, is_good) in [
        ("min_version", "min_version", true),
        ("\"1.3\"", "\"1.4\"", false),
        ("principal: analyst", "principal: anlyst", false),
        ("server.key", "nobody.key", false),
    ] {
        let yaml = replaced(&production.written(), piece, replacement);
        production.world.write("countersign.yaml", &yaml);
        let ran = production.world.countersign(&["check", "countersign.yaml"]);
        assert_eq!(ran.code == Some(0), is_good, "{ran}");
        if is_good {
            drop(production.serve_written(&yaml));
        } else {
            production.refuses(&yaml);
        }
    }
}

/// `check --json` is JSON that holds the identities.
#[test]
fn check_prints_json_on_request() {
    let production = Production::new();
    production.world.write("countersign.yaml", production.written());
    let ran = production.world.countersign(&["check", "--json", "countersign.yaml"]).succeeded();
    assert!(ran.json().to_string().contains("analyst"), "{ran}");
}

/// The realm that `up` makes passes `check` without a fault.
#[test]
fn the_realm_that_up_makes_passes_check() {
    let world = testkit::World::new();
    assert_eq!(testkit::Node::up(&world).interrupted().code, Some(0));
    let ran = world.countersign(&["check", "realm/countersign.yaml"]).succeeded();
    assert!(ran.stdout.contains("analyst") && ran.stdout.contains("admin"), "{ran}");
}

/// A database that could not be opened where it is configured is a fault of `check` and of `serve` alike.
#[test]
fn a_database_without_a_home_is_a_fault_of_check_and_serve() {
    let production = Production::new();
    for (path, words) in [("nowhere/app.db", "its folder is missing"), ("", "it is a folder")] {
        let file = production.world.path("app.db").display().to_string();
        let other = production.world.path(path).display().to_string();
        let yaml = replaced(&production.written(), &file, &other);
        assert!(production.refuses(&yaml).contains(words), "{path}");
        production.world.countersign(&["check", "countersign.yaml"]).exited(2).says(words);
    }
}
