//! Every example does what its README says: the fenced lines are run as they stand there.

use std::path::{Path, PathBuf};

use testkit::{Node, Postgres, Ran, World};

/// One fenced block of a README: how it is marked, and its lines.
struct Block {
    mark: String,
    text: String,
}

/// An example, copied into a world of its own.
struct Example {
    world: World,
    blocks: Vec<Block>,
}

impl Example {
    fn new(name: &str) -> Self {
        let folder = examples().join(name);
        let world = World::new();
        world.take(&folder);
        let readme = world.read("README.md");
        let blocks = readme
            .split("```")
            .skip(1)
            .step_by(2)
            .map(|fenced| {
                let (mark, text) = fenced.split_once('\n').expect("a fence has lines");
                Block { mark: mark.to_owned(), text: text.to_owned() }
            })
            .collect();
        Self { world, blocks }
    }

    /// Runs the README from top to bottom; the block marked `serve` runs beside the ones after it.
    fn runs(&self) -> Vec<Ran> {
        self.runs_with(|_| panic!("a README sets up a database's machine"))
    }

    /// The same; `database` does what is to be done on the machine of the database.
    fn runs_with(&self, database: impl Fn(&World)) -> Vec<Ran> {
        let mut node = None;
        let mut done = Vec::new();
        for block in &self.blocks {
            match block.mark.as_str() {
                "sh serve" => node = Some(self.serve(&block.text)),
                "sh database" => database(&self.world),
                "sh" => done.push(self.sh(&block.text, node.as_ref()).succeeded()),
                "sh fails" => {
                    let ran = self.sh(&block.text, node.as_ref());
                    assert_ne!(ran.code, Some(0), "{ran}");
                    done.push(ran);
                }
                other => panic!("a fence is marked {other:?}"),
            }
        }
        assert!(node.is_some(), "the README serves nothing");
        done
    }

    /// Starts the line of the README on a free port instead of its own.
    fn serve(&self, line: &str) -> Node {
        let (settings, command) =
            line.trim().rsplit_once("countersign ").expect("the line starts countersign");
        let settings = settings.replace("\\\n", " ");
        // The shell gives the settings their values, command substitutions included.
        let env = self.world.sh(&format!("env -i {settings} $(command -v env)")).stdout;
        let env: Vec<(&str, &str)> = env.lines().filter_map(|line| line.split_once('=')).collect();
        let args: Vec<&str> = command.split_whitespace().chain(["--listen", "127.0.0.1:0"]).collect();
        Node::start(&self.world, &args, &env)
    }

    /// Runs lines with the README's port leading to the node's.
    fn sh(&self, lines: &str, node: Option<&Node>) -> Ran {
        let Some(node) = node else { return self.world.try_sh(lines) };
        let port = node.port().to_string();
        let lines =
            ["7777", "11023", "6432"].iter().fold(lines.to_owned(), |lines, own| lines.replace(own, &port));
        self.world.try_sh(&format!("export COUNTERSIGN_URL=https://localhost:{port}; {lines}"))
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join("examples")
}

#[test]
fn the_five_minute_start_works_as_its_readme_says() {
    let ran = Example::new("five-minute-start").runs();
    assert!(ran.iter().any(|ran| ran.stdout.contains(r#""rows":[[1]]"#)), "{ran:?}");
    assert!(ran.iter().any(|ran| ran.stdout.contains("     2\n")), "{ran:?}");
}

#[test]
fn the_two_authorities_work_as_their_readme_says() {
    let ran = Example::new("two-authorities").runs();
    assert!(ran.iter().any(|ran| ran.stdout.contains(r#""rows":[[0]]"#)), "{ran:?}");
    assert!(ran.iter().any(|ran| ran.said().contains("401")), "{ran:?}");
}

#[test]
fn the_pinned_key_works_as_its_readme_says() {
    let ran = Example::new("pinned-key").runs();
    assert_eq!(ran.iter().filter(|ran| ran.stdout.contains(r#""principal":"backup""#)).count(), 2, "{ran:?}");
}

#[test]
fn the_environment_only_works_as_its_readme_says() {
    let ran = Example::new("environment-only").runs();
    assert!(ran.iter().any(|ran| ran.stdout.contains("alice@example.com")), "{ran:?}");
}

#[test]
fn the_services_work_as_their_readme_says() {
    let ran = Example::new("services").runs();
    assert!(ran.iter().any(|ran| ran.stdout.contains(r#""rows":[[1]]"#)), "{ran:?}");
    assert!(ran.iter().any(|ran| ran.stdout.contains("Certificate rotated successfully")), "{ran:?}");
    assert!(
        ran.iter().any(|ran| ran.stdout.contains("Certificate revoked and replacement issued")),
        "{ran:?}"
    );
    assert!(ran.last().is_some_and(|ran| ran.stdout.contains(r#""principal":"worker""#)), "{ran:?}");
}

#[test]
fn the_postgresql_works_as_its_readme_says() {
    let example = Example::new("postgresql");
    let server = Postgres::start();
    let ran = example.runs_with(|world| furnish(world, &server));
    let psql: Vec<&Ran> = ran.iter().filter(|ran| ran.line.contains("psql")).collect();
    let [seen, written, refused, another, revoked] = psql[..] else { panic!("{psql:?}") };
    assert!(seen.stdout.contains("orders_ro    | /CN=analyst"), "{seen}");
    assert!(written.stdout.contains("a chair"), "{written}");
    assert!(refused.stderr.contains("permission denied for table orders"), "{refused}");
    for part in
        ["FATAL:", "forbidden: not as this user", "DETAIL:  code role-not-allowed, refusal rf_", "HINT:"]
    {
        assert!(another.stderr.contains(part), "{part}: {another}");
    }
    assert!(revoked.stderr.contains("revoked"), "{revoked}");
    assert!(ran.iter().any(|ran| ran.stdout.contains("Who is whom there")), "{ran:?}");
}

/// Does on a server of the test's own what the README says about the machine of the database.
fn furnish(world: &World, server: &Postgres) {
    let settings = |name: &str| world.read(name);
    let hba = format!("local all postgres trust\n{}", settings("pg_hba.conf"));
    let authorities = settings("pki/root.crt") + &settings("pki/issuers/client.crt");
    server.furnish(&[
        ("server.crt", &settings("servers/db.example.com.crt")),
        ("server.key", &settings("servers/db.example.com.key")),
        ("ca.crt", &authorities),
        ("data/pg_hba.conf", &hba),
        ("data/pg_ident.conf", &settings("pg_ident.conf")),
    ]);
    // Its lines of postgresql.conf are those that every server of the suite has.
    assert_eq!(
        settings("postgresql.conf"),
        include_str!("../../../examples/ledger-on-postgresql/postgresql.conf")
    );
    let (create, rest) = settings("roles.sql")
        .split_once("\\connect orders\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("two parts");
    for statement in create.split_inclusive(';') {
        server.sql("postgres", statement);
    }
    server.sql("orders", &rest);
    let yaml =
        settings("countersign.yaml").replace("localhost:5432", &format!("localhost:{}", server.port()));
    world.write("countersign.yaml", yaml);
}

/// Every example has a test here, or sets up the servers that other tests run against; and no key lies in the repository.
#[test]
fn every_example_is_run_and_no_key_is_committed() {
    let source = include_str!("examples.rs");
    let servers = include_str!("../../../crates/testkit/src/postgres.rs");
    for entry in std::fs::read_dir(examples()).expect("the examples") {
        let entry = entry.expect("an example");
        if entry.path().is_dir() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let runs = source.contains(&format!("Example::new(\"{name}\")"));
            assert!(runs || servers.contains(&format!("examples/{name}/")), "{name} is not run");
        }
    }
    let tracked =
        World::new().try_sh(&format!("git -C '{}' ls-files '*.key' '*.crt' '*.p12'", examples().display()));
    assert_eq!(tracked.stdout, "", "{tracked}");
}
