//! A reload that would weaken is refused with what it would weaken, and applied where that is allowed by name.

use super::house::House;
use crate::production::replaced;

/// In the file, by name.
#[test]
fn what_is_weaker_is_refused_by_name_and_applied_once_the_file_allows_it() {
    let house = House::new();
    house.change(|yaml| {
        replaced(yaml, "principal: reporting, level: read-only", "principal: reporting, level: read-write")
    });
    house.hup();
    house.node.logged(&["reload rejected", "grant app reporting read-write", "before: read-only"]);
    let insert = || house.curl("reporting").sql("app", "CREATE TABLE r(x)");
    insert().with_status(403);
    house.change(|yaml| format!("{yaml}allow_weaker: [ grant app somebody read-write ]\n"));
    house.hup();
    insert().with_status(403);
    house.change(|yaml| replaced(yaml, "somebody", "reporting"));
    house.hup_applies();
    house.node.logged(&["weaker than before", "grant app reporting read-write"]);
    insert().with_status(200);
}

/// Each way in which a door could ask for less.
#[test]
fn each_way_to_ask_for_less_is_refused_with_its_name() {
    let house = House::new();
    let strict = house.yaml();
    let cases = [
        ("auth: [mtls]", "auth: [mtls, none]", vec!["anonymous h2", "client-auth h2"]),
        ("min_version: \"1.3\"", "min_version: \"1.2\"", vec!["min-version prod 1.2"]),
        ("subject_cn: analyst", "subject_o: Acme", vec!["entry analyst subject_o=Acme"]),
        ("principal: reporting, ", "principal: \"*\", ", vec!["grant app * read-only"]),
        ("admins: [admin]", "admins: [admin, analyst]", vec!["admin analyst"]),
        ("tls:\n", "environment: production\ntls:\n", vec!["environment production"]),
        (
            "auth:\n",
            "  - { name: open, transport: h1, address: \"127.0.0.1:0\", auth: [none] }\nauth:\n",
            vec!["anonymous open"],
        ),
    ];
    for (piece, replacement, names) in cases {
        house.change(|_| replaced(&strict, piece, replacement));
        house.hup();
        for name in names {
            house.node.logged(&["reload rejected: it would be weaker", name]);
        }
        assert_eq!(house.applied(), 0, "{}", house.node.log());
    }
}

/// The opposite of each, and what is new, needs no permission.
#[test]
fn what_is_stricter_or_new_is_applied_unasked() {
    let house = House::new();
    for (piece, replacement) in [
        ("subject_cn: analyst }", "subject_cn: analyst, subject_o: Acme }"),
        ("level: read-write", "level: read-only"),
    ] {
        house.change(|yaml| replaced(yaml, piece, replacement));
        house.hup_applies();
    }
    house.change(|yaml| {
        let fresh =
            "    - name: fresh\n      methods: [ { mtls: { subject_cn: fresh } } ]\n    - name: analyst\n";
        let yaml = replaced(yaml, "    - name: analyst\n", fresh);
        replaced(&yaml, "    grants:\n", "    grants:\n      - { principal: fresh, level: admin }\n")
    });
    house.hup_applies();
}

/// A database is its file: nobody gets at it under another name, by another path or by a name that meant another file.
#[test]
fn a_database_that_is_served_already_is_not_handed_over_under_another_name() {
    let house = House::new();
    house.curl("analyst").sql("app", "CREATE TABLE t(x)").with_status(200);
    house.production.world.sh("ln -s app.db link.db");
    let before = house.yaml();
    let scratch = |path: &str| {
        let grants = "grants: [ { principal: reporting, level: admin } ]";
        let database = format!("databases:\n  - {{ name: scratch, path: {path}, {grants} }}\n");
        replaced(&before, "databases:\n", &database)
    };
    let insert = || house.curl("reporting").sql("scratch", "INSERT INTO t VALUES (1)");
    for path in ["./app.db", "./link.db"] {
        house.change(|_| scratch(path));
        house.countersign(&["reload"]).exited(1).says("grant scratch reporting admin");
        insert().with_status(403);
    }
    house.change(|_| scratch("./scratch.db"));
    house.hup_applies();
    for (path, name) in
        [("./app.db", "grant scratch reporting admin"), ("./other.db", "database scratch path")]
    {
        house.change(|_| scratch(path));
        house.countersign(&["reload"]).exited(1).says(name);
    }
    let answer = house.curl("reporting").sql("scratch", "SELECT * FROM t");
    assert!(answer.body.contains("no such table"), "{answer:#?}");
    house.countersign(&["reload", "--allow-weaker", "database scratch path"]).succeeded();
}
