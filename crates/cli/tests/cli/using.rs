//! The command line itself: help, exit codes, faults.

use crate::folder::Folder;

#[test]
fn wrong_use_is_exit_code_2_and_help_is_0() {
    let folder = Folder::new();
    for wrong in [
        &["nonsense"][..],
        &["query"],
        &["cert", "show"],
        &["verify", "x.crt"],
        &["cert", "export", "a", "--for", "x"],
    ] {
        folder.countersign(wrong).exited(2);
    }
    folder.countersign(&["--help"]).succeeded().says(&["Exit codes: 0 done", "countersign up"]);
    folder.countersign(&["--version"]).succeeded().says(&["countersign 0."]);
}

#[test]
fn a_fault_names_the_thing_the_cause_and_the_remedy() {
    let folder = Folder::new();
    let ran = folder.countersign(&["query", "app", "SELECT 1"]).exited(2);
    assert_eq!(ran.out, "");
    assert!(ran.err.starts_with("countersign: realm/pki/server-ca.crt: no authority"), "{}", ran.err);
    assert!(ran.err.contains("\n  try: pass --cacert FILE"), "{}", ran.err);
}

#[test]
fn every_fault_of_the_command_line_is_told_at_once() {
    let folder = Folder::with_openssl_pki();
    let args = ["query", "app", "SELECT 1", "--cert", "analyst.crt", "--cacert", "nowhere.crt"];
    folder.countersign(&args).exited(2).says(&["nowhere.crt", "--key"]);
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_mends_it() {
    let folder = Folder::with_openssl_pki();
    folder.sh("chmod 644 analyst.key");
    let args = [
        "query",
        "app",
        "SELECT 1",
        "--cert",
        "analyst.crt",
        "--key",
        "analyst.key",
        "--cacert",
        "server-ca.crt",
    ];
    folder.countersign(&args).exited(2).says(&["group or world access", "chmod 600"]);
}

#[test]
fn a_key_of_another_certificate_is_found_before_connecting() {
    let folder = Folder::with_openssl_pki();
    let args = [
        "query",
        "app",
        "SELECT 1",
        "--cert",
        "analyst.crt",
        "--key",
        "server.key",
        "--cacert",
        "server-ca.crt",
    ];
    folder.countersign(&args).exited(2).says(&["key values mismatch"]);
}

#[test]
fn a_server_that_is_not_there_is_exit_code_1() {
    let folder = Folder::with_openssl_pki();
    let args = ["query", "app", "SELECT 1", "--url", "https://localhost:1", "--cacert", "server-ca.crt"];
    folder.countersign(&args).exited(1).says(&["localhost:1", "refused"]);
}

#[test]
fn a_url_that_is_none_is_wrong_use() {
    let folder = Folder::new();
    folder.countersign(&["status", "--url", "localhost:7777"]).exited(2).says(&["https://HOST:PORT"]);
}

#[test]
fn without_a_configuration_check_says_where_it_looked() {
    Folder::new().countersign(&["check"]).exited(2).says(&["countersign.yaml", "realm/countersign.yaml"]);
}
