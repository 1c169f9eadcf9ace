//! A database is what its file is.

use std::os::unix::fs::symlink;
use std::path::Path;

use config::Sources;
use tempfile::TempDir;
use time::macros::datetime;

use crate::prepare::{Prepared, prepare};
use crate::weaker::weaker;

const APP: &str = "{ name: app, path: ./app.db, grants: [ { principal: bob, level: read-only } ] }";
const SCRATCH: &str = "{ name: scratch, path: ./scratch.db, grants: [ { principal: bob, level: admin } ] }";

/// A folder with the files of two databases and of a ledger.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in ["app.db", "scratch.db", "ledger.db"] {
        files::write_public(&folder.path().join(file), b"").unwrap();
    }
    folder
}

fn prepared(folder: &Path, databases: &str, more: &str) -> Result<Prepared, String> {
    let file = folder.join("countersign.yaml");
    let text = format!(
        "listeners: [ {{ name: h1, transport: h1, address: \"127.0.0.1:0\", auth: [none] }} ]
auth: {{ principals: [ {{ name: bob, methods: [ {{ mtls: {{ subject_cn: bob }} }} ] }} ] }}
ledger: {{ url: \"sqlite:./ledger.db\" }}
databases: [ {databases} ]
{more}
"
    );
    files::write_public(&file, text.as_bytes()).unwrap();
    let (plan, _) = config::read(&Sources { file: Some(file), ..Sources::default() })
        .map_err(|faults| faults.to_string())?;
    prepare(plan, datetime!(2026-11-22 10:00:00 UTC)).map_err(|faults| faults.to_string())
}

fn names_with(folder: &Path, old: [&str; 2], new: [&str; 2]) -> Vec<String> {
    let [old, new] = [old, new].map(|[databases, more]| prepared(folder, databases, more).unwrap());
    weaker(&old, &new).into_iter().map(|weakening| weakening.name).collect()
}

fn names(folder: &Path, old: &str, new: &str) -> Vec<String> {
    names_with(folder, [old, ""], [new, ""])
}

#[test]
fn a_file_that_was_served_is_the_same_database_under_a_new_name() {
    let folder = folder();
    symlink(folder.path().join("app.db"), folder.path().join("link.db")).unwrap();
    std::fs::hard_link(folder.path().join("app.db"), folder.path().join("hard.db")).unwrap();
    for path in ["./app.db", "./link.db", "./hard.db", "../PARENT/./app.db"] {
        let parent = folder.path().file_name().unwrap().to_str().unwrap();
        let path = path.replace("PARENT", parent);
        let second = |level| {
            format!("{APP}, {{ name: app2, path: {path}, grants: [ {{ principal: bob, level: {level} }} ] }}")
        };
        assert_eq!(names(folder.path(), APP, &second("admin")), ["grant app2 bob admin"], "{path}");
        assert_eq!(names(folder.path(), APP, &second("read-only")), [""; 0], "{path}");
        let renamed = second("admin").replace(&format!("{APP}, "), "");
        assert_eq!(names(folder.path(), APP, &renamed), ["grant app2 bob admin"], "{path}");
    }
    let new =
        format!("{APP}, {{ name: new, path: ./new.db, grants: [ {{ principal: bob, level: admin }} ] }}");
    assert_eq!(names(folder.path(), APP, &new), [""; 0], "another file is an addition");
}

#[test]
fn a_name_that_leads_to_another_file_is_compared_by_the_file() {
    let folder = folder();
    let both = format!("{APP}, {SCRATCH}");
    let moved = |path: &str| format!("{APP}, {}", SCRATCH.replace("./scratch.db", path));
    assert_eq!(names(folder.path(), &both, &moved("./app.db")), ["grant scratch bob admin"]);
    assert_eq!(names(folder.path(), &both, &moved("./elsewhere.db")), ["database scratch path"]);
    let in_memory = SCRATCH.replace("path: ./scratch.db", "backend: memory-shared");
    assert_eq!(names(folder.path(), &in_memory, SCRATCH), ["database scratch path"]);
    assert_eq!(names(folder.path(), SCRATCH, &in_memory), [""; 0]);
    assert_eq!(names(folder.path(), &both, &both), [""; 0]);
}

#[test]
fn a_file_that_could_only_be_read_and_can_be_written_to_is_told_under_any_name() {
    let folder = folder();
    let read_only =
        APP.replace("./app.db,", "./app.db, mode: ro,").replace("level: read-only", "level: admin");
    let renamed = APP.replace("name: app", "name: app2").replace("read-only", "read-write");
    assert_eq!(
        names(folder.path(), &read_only, &renamed),
        ["grant app2 bob read-write", "database app2 rwc"]
    );
    let written = read_only.replace("mode: ro", "mode: rw");
    assert_eq!(names(folder.path(), &read_only, &written), ["database app rw"]);
}

#[test]
fn the_node_s_own_ledger_is_never_written_to_and_not_served_unasked() {
    let folder = folder();
    let ledger = |mode: &str| SCRATCH.replace("./scratch.db,", &format!("./ledger.db, mode: {mode},"));
    for old in [APP, &format!("{APP}, {SCRATCH}")] {
        let new = format!("{APP}, {}", ledger("ro"));
        assert_eq!(names(folder.path(), old, &new), ["database scratch ledger"]);
    }
    assert_eq!(names(folder.path(), &ledger("ro"), &ledger("ro")), [""; 0]);
    let views = SCRATCH.replace("path: ./scratch.db", "backend: ledger");
    assert_eq!(names(folder.path(), APP, &format!("{APP}, {views}")), ["database scratch ledger"]);
    assert_eq!(names(folder.path(), &views, &ledger("ro")), ["database scratch ledger"]);
    assert_eq!(names(folder.path(), &ledger("ro"), &views), [""; 0]);
    assert_eq!(names(folder.path(), &views, &views), [""; 0]);
    assert_eq!(prepared(folder.path(), &views, "").unwrap().warnings.len(), 0);
    let warned = prepared(folder.path(), &ledger("ro"), "").unwrap().warnings;
    assert!(warned.iter().any(|one| one.to_string().contains("\"scratch\" is this node's own ledger")));
    for mode in ["rw", "rwc"] {
        let fault = prepared(folder.path(), &ledger(mode), "").err().unwrap();
        assert!(fault.contains("database \"scratch\" is this node's own ledger"), "{fault}");
    }
}

#[test]
fn two_names_of_one_file_are_warned_of_and_refused_where_one_is_read_only() {
    let folder = folder();
    let two = |mode: &str| format!("{APP}, {{ name: b, path: ./app.db, mode: {mode} }}");
    let warned = prepared(folder.path(), &two("rwc"), "").unwrap().warnings;
    let said = "databases \"app\" and \"b\" are one file";
    assert!(warned.iter().any(|one| one.to_string().contains(said)), "{warned:?}");
    let fault = prepared(folder.path(), &two("ro"), "").err().unwrap();
    assert!(fault.contains(said) && fault.contains("read-only"), "{fault}");
}

#[test]
fn what_is_no_longer_on_record_is_weaker() {
    let folder = folder();
    let audit = |failed: bool, successful: bool| {
        format!("audit: {{ auth_events: {{ failed: {failed}, successful: {successful} }} }}")
    };
    let (all, none) = (audit(true, true), audit(false, false));
    assert_eq!(names_with(folder.path(), [APP, &all], [APP, &none]), ["audit failed", "audit successful"]);
    assert_eq!(names_with(folder.path(), [APP, &none], [APP, &all]), [""; 0]);
}
