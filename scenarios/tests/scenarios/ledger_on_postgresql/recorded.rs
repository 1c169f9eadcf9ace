//! Whatever a command records of a realm goes into the realm's database, and into no other.

use testkit::{Postgres, World};

use super::{init, url, variables};

/// A realm in a database of its own, whose name comes back.
fn realm(world: &World, server: &Postgres) -> String {
    let database = server.database();
    init(world, &url(server, &database), &variables(server)).succeeded();
    database
}

fn count(server: &Postgres, database: &str, condition: &str) -> String {
    let sql = format!("SELECT count(*) FROM countersign.certificates WHERE {condition}");
    server.sql(database, &sql).trim().to_owned()
}

fn schemas(server: &Postgres, database: &str) -> String {
    let sql = "SELECT count(*) FROM pg_namespace WHERE nspname = $$countersign$$";
    server.sql(database, sql).trim().to_owned()
}

#[test]
fn an_authority_that_is_made_by_hand_is_on_record_in_the_realms_database() {
    let (world, server) = (World::new(), Postgres::shared());
    let database = realm(&world, server);
    let issuer = ["ca", "init-issuer", "--root", "my-repo", "--kind", "service", "--service", "backend"];
    world.countersign(&issuer).succeeded();
    world.countersign(&["ca", "init-responder", "--root", "my-repo"]).succeeded();
    world
        .sh("mkdir next && sed 's,\\./pki,../my-repo/pki,' my-repo/countersign.yaml > next/countersign.yaml");
    world.countersign(&["ca", "init-root", "--out", "next"]).succeeded();
    // The realm has six; its root is one of them.
    assert_eq!(count(server, &database, "true"), "9");
    assert_eq!(count(server, &database, "profile = $$root$$"), "2");
    for folder in ["my-repo", "next"] {
        assert!(!world.path(format!("{folder}/state/ledger.db")).exists(), "{folder}");
    }
}

#[test]
fn what_an_authority_of_the_realm_issues_by_its_files_is_on_record_in_the_realms_database() {
    let (world, server) = (World::new(), Postgres::shared());
    let database = realm(&world, server);
    let issue = ["cert", "issue", "--ca", "my-repo/pki/issuers/client", "--cn", "guest", "--out", "guest"];
    world.countersign(&issue).succeeded();
    assert_eq!(count(server, &database, "common_name = $$guest$$"), "1");
    assert!(!world.path("my-repo/pki/issuers/ledger.db").exists());
    let aside: Vec<&str> = issue.into_iter().chain(["--ledger", "aside.db"]).collect();
    world.countersign(&aside).exited(2).says("its realm's database").says("leave --ledger out");
    assert!(!world.path("aside.db").exists());

    world.countersign(&["cert", "revoke", "guest/guest.crt", "--realm", "my-repo"]).succeeded();
    let list = ["ca", "crl", "--ca", "my-repo/pki/issuers/client"];
    world.countersign(&list).succeeded().says("1 revoked");
    let root = ["ca", "crl", "--ca", "my-repo/pki/root", "--key", "my-repo/offline/root.key"];
    world.countersign(&root).succeeded().says("0 revoked");
}

#[test]
fn a_command_makes_no_ledger_in_a_database_that_was_named_by_mistake() {
    let (world, server) = (World::new(), Postgres::shared());
    let (database, mistaken) = (realm(&world, server), server.database());
    world.sh(&format!("sed -i 's,/{database}?,/{mistaken}?,' my-repo/countersign.yaml"));
    for args in [
        &["cert", "list", "--realm", "my-repo"] as &[&str],
        &["cert", "issue", "--realm", "my-repo", "--cn", "guest"],
        &["cert", "issue", "--ca", "my-repo/pki/issuers/client", "--cn", "guest"],
        &["cert", "revoke", "my-repo/clients/analyst.crt", "--realm", "my-repo"],
    ] {
        world.countersign(args).exited(2).says("holds no ledger").says("ledger.url");
        assert_eq!(schemas(server, &mistaken), "0", "{args:?}");
    }
}

#[test]
fn a_second_realm_is_not_made_in_a_database_that_holds_another_one() {
    let (world, server) = (World::new(), Postgres::shared());
    let database = realm(&world, server);
    let second = ["init", "second", "--metadata-url", &url(server, &database)];
    let variables = variables(server);
    let env: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world
        .countersign_with(&second, &env)
        .exited(2)
        .says("holds the ledger of another realm")
        .says("a database of this realm's own");
    assert!(!world.path("second").exists());
    assert_eq!(count(server, &database, "true"), "6");
    init(&world, &url(server, &database), &variables).succeeded().says("nothing was changed");
}
