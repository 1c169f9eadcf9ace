//! Reloads that an administrator asks for: `POST /_admin/reload` and `countersign reload`.

use testkit::{Node, World};

use super::house::House;
use crate::production::replaced;

/// E9.
#[test]
fn an_invalid_configuration_is_answered_with_409_and_the_reason_and_changes_nothing() {
    let house = House::new();
    house.change(|yaml| format!("{yaml}nonsense: 1\n"));
    let answer = house.curl("admin").body("{}").get("/_admin/reload").with_status(409);
    let error = &answer.json()["error"];
    assert_eq!(error["result"], "rejected", "{answer:#?}");
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("reload rejected: ") && message.contains("unknown key \"nonsense\""),
        "{message}"
    );
    assert_eq!(error["faults"][0]["place"]["position"]["line"], house.yaml().lines().count(), "{answer:#?}");
    house.node.logged(&["reload rejected: ", "by=\"principal \\\"admin\\\"\""]);
    house.curl("analyst").sql("app", "SELECT 1").with_status(200);
    house.countersign(&["reload"]).exited(1).says("reload rejected").says("unknown key \"nonsense\"");
}

/// What would be weaker comes as a list; a name allows one thing, `all` everything.
#[test]
fn an_administrator_allows_what_is_weaker_by_its_name() {
    let house = House::new();
    house.change(|yaml| {
        let yaml = replaced(
            yaml,
            "principal: reporting, level: read-only",
            "principal: reporting, level: read-write",
        );
        replaced(&yaml, "min_version: \"1.3\"", "min_version: \"1.2\"")
    });
    let answer = house.curl("admin").body("{}").get("/_admin/reload").with_status(409).json();
    let names: Vec<&str> = answer["error"]["weakenings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["grant app reporting read-write", "min-version prod 1.2"], "{answer}");
    let (grant, version) = (names[0], names[1]);
    house
        .countersign(&["reload", "--allow-weaker", grant])
        .exited(1)
        .says(version)
        .says("--allow-weaker NAME");
    assert_eq!(house.applied(), 0);
    house
        .countersign(&["reload", "--allow-weaker", grant, "--allow-weaker", version])
        .succeeded()
        .says("reload applied  generation 2")
        .says(grant);
    house.curl("reporting").sql("app", "CREATE TABLE r(x)").with_status(200);
    house.change(|yaml| replaced(yaml, "admins: [admin]", "admins: [admin, analyst]"));
    let body = r#"{"allow_weaker":true}"#;
    let answer = house.curl("admin").body(body).get("/_admin/reload").with_status(200).json();
    assert_eq!(
        (&answer["result"], &answer["allowed"][0]["name"]),
        (&"applied".into(), &"admin analyst".into())
    );
    let again = house.curl("admin").body("{}").get("/_admin/reload").with_status(200).json();
    assert_eq!((&again["result"], &again["generation"]), (&"unchanged".into(), &3.into()));
}

/// Only administrators ask.
#[test]
fn nobody_else_may_ask_for_a_reload() {
    let house = House::new();
    house.change(|yaml| format!("{yaml}limits: {{ max_rows: 1 }}\n"));
    house.curl("analyst").body("{}").get("/_admin/reload").is_refused(
        403,
        "forbidden: administrators only",
        "admin-only",
    );
    assert_eq!(house.outcomes(), 0);
}

/// The ledger keeps who asked and what was allowed.
#[test]
fn reloads_are_on_record_with_who_asked_and_what_was_allowed() {
    let world = World::new();
    let node = Node::up(&world);
    let yaml = world.read("realm/countersign.yaml");
    world.write("new.yaml", replaced(&yaml, "admins: [admin]", "admins: [admin, analyst]"));
    world.sh("mv new.yaml realm/countersign.yaml");
    node.logged(&["reload rejected", "admin analyst"]);
    let url = format!("https://localhost:{}", node.port());
    world
        .countersign(&["reload", "--as", "admin", "--url", &url, "--allow-weaker", "admin analyst"])
        .succeeded()
        .says("reload applied");
    assert_eq!(node.interrupted().code, Some(0));
    let rows = world.sh("python3 - <<'END'\nimport sqlite3\nfor row in sqlite3.connect('realm/state/ledger.db').execute(\"SELECT principal, cause FROM audit WHERE kind='reload' ORDER BY id\"): print(row)\nEND").stdout;
    assert!(rows.contains("rejected: it would be weaker: admin analyst"), "{rows}");
    assert!(rows.contains("('admin', 'by principal \"admin\": applied as generation 2"), "{rows}");
    assert!(rows.contains("allowed: admin analyst"), "{rows}");
}
