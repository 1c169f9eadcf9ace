//! The configuration: faults with file, line and column, all at once; variables; precedence (E1 to E7, V9).

use crate::production::{Production, replaced};

/// Unknown keys are faults that name the line and the nearest known key, and all faults come at once.
#[test]
fn every_fault_is_told_at_once_with_its_line_and_the_nearest_known_key() {
    let production = Production::new();
    let yaml = replaced(&production.written(), "min_version:", "min_verson:");
    let yaml = replaced(&yaml, "    transport: h2", "    transport: h22");
    let yaml = replaced(&yaml, "backend: file", "backend: fil");
    let said = production.refuses(&yaml);
    for (line, words) in [(7, "min_verson"), (7, "min_version"), (11, "h22"), (27, "fil")] {
        let place = format!("countersign.yaml:{line}:");
        let found =
            said.split("countersign.yaml").any(|part| format!("countersign.yaml{part}").starts_with(&place));
        assert!(found, "{place} {words}: {said}");
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// A misspelt key anywhere stops the start, however deep.
#[test]
fn an_unknown_key_stops_the_start_however_deep() {
    let production = Production::new();
    for (piece, misspelt, known) in [
        ("listeners:", "listners:", "listeners"),
        ("subject_cn:", "subject_nc:", "subject_cn"),
        ("principal: analyst", "pricipal: analyst", "principal"),
        ("client_ca:", "clientca:", "client_ca"),
        ("  principals:", "  principles:", "principals"),
    ] {
        let said = production.refuses(&replaced(&production.written(), piece, misspelt));
        assert!(said.contains(known), "{misspelt}: {said}");
    }
}

/// A key given twice is a fault, not "the last wins".
#[test]
fn a_key_given_twice_is_a_fault() {
    let production = Production::new();
    let said = production.refuses(&replaced(
        &production.written(),
        "    min_version:",
        "    min_version: \"1.2\"\n    min_version:",
    ));
    assert!(said.contains("countersign.yaml:8:") && said.contains("duplicate"), "{said}");
}

/// Broken YAML is told with line and column.
#[test]
fn broken_yaml_is_told_with_its_line() {
    let production = Production::new();
    let said = production.refuses("tls:\n  prod: { mode: files\nlisteners: [\n");
    assert!(said.contains("countersign.yaml:"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// V9: variables are filled in; an unset one is a fault that names it; `$$` is a dollar sign; a default may be given.
#[test]
fn variables_are_filled_in_and_an_unset_one_is_a_fault() {
    let production = Production::new();
    let yaml =
        replaced(&production.written(), "subject_cn: analyst", "subject_cn: \"${WHO_IS_THE_ANALYST}\"");
    let said = production.refuses(&yaml);
    assert!(said.contains("WHO_IS_THE_ANALYST"), "{said}");
    let yaml = replaced(&yaml, "${WHO_IS_THE_ANALYST}", "${WHO_IS_THE_ANALYST:-analyst}");
    let node = production.serve_written(&yaml);
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(200);
    drop(node);
    let node = production.serve_written(&replaced(&yaml, "${WHO_IS_THE_ANALYST:-analyst}", "$${x}"));
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(401);
}

/// E7: an explicit file that is missing is a fault that names it.
#[test]
fn a_missing_file_is_named() {
    let production = Production::new();
    production.world.countersign(&["serve", "--config", "nowhere.yaml"]).exited(2).says("nowhere.yaml");
}

/// E4: a flag beats the file.
#[test]
fn a_flag_beats_the_file() {
    let production = Production::new();
    production.world.write("countersign.yaml", replaced(&production.written(), r#""1.3""#, r#""1.2""#));
    let args = ["serve", "--config", "countersign.yaml", "--tls-min-version", "1.3"];
    let node = testkit::Node::start(&production.world, &args, &[]);
    production.curl(&node, "analyst").arg("--tls-max").arg("1.2").get("/_health").failed(35, "alert");
}

/// Relative paths are meant from the file's folder, not from where the command was started.
#[test]
fn relative_paths_are_meant_from_the_files_folder() {
    let production = Production::new();
    let here = production.world.folder().display().to_string();
    let yaml = production.written().replace(&format!("{here}/"), "./");
    production.world.write("countersign.yaml", yaml);
    let file = production.world.path("countersign.yaml").display().to_string();
    let elsewhere = testkit::World::new();
    let node = testkit::Node::start(&elsewhere, &["serve", "--config", &file], &[]);
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(200);
    assert!(production.world.path("app.db").exists());
}

/// The texts of the source's server are kept for the faults that it knows.
#[test]
fn the_documented_texts_are_kept() {
    let production = Production::new();
    let yaml = production.written();
    for (piece, replacement, words) in [
        ("    mode: files\n", "", r#"tls profile "prod" missing mode"#),
        ("mode: files", "mode: fils", "fils"),
        ("- name: reporting\n", "- name: analyst\n", r#"duplicate auth principal "analyst""#),
        ("- name: app\n", "- name: _app\n", r#"database "_app" has an invalid or reserved name"#),
        ("- name: app\n", "- name: query\n", r#"database "query" has an invalid or reserved name"#),
        ("mtls: { subject_cn: analyst }", "mtls: {}", "analyst"),
        (
            "mtls: { subject_cn: analyst }",
            "magic: {}",
            r#"principal "analyst": unknown credential method "magic""#,
        ),
    ] {
        let said = production.refuses(&replaced(&yaml, piece, replacement));
        assert!(said.contains(words), "{replacement:?}: {said}");
    }
    let twice =
        "listeners:\n  - { name: other, transport: h2, address: '127.0.0.1:7890', tls: prod, auth: [mtls] }";
    let yaml = replaced(&replaced(&yaml, "listeners:", twice), "127.0.0.1:0", "127.0.0.1:7890");
    let said = production.refuses(&yaml);
    assert!(said.contains(r#"listeners "other" and "h2" both bind"#), "{said}");
}

/// A file of nonsense sizes and durations is told, not taken as zero.
#[test]
fn nonsense_sizes_and_durations_are_told() {
    let production = Production::new();
    for limits in ["max_request_bytes: 8XB", "max_rows: -1", "statement_timeout: soon", "max_rows: 1e99"] {
        let said = production.refuses(&format!("{}\nlimits: {{ {limits} }}\n", production.written()));
        let key = limits.split(':').next().unwrap_or_default();
        assert!(said.contains(key), "{limits}: {said}");
    }
}

/// An alias bomb is refused quickly.
#[test]
fn an_alias_bomb_is_refused_quickly() {
    let production = Production::new();
    let mut yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        yaml.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(",")));
    }
    let began = std::time::Instant::now();
    production.refuses(&yaml);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

/// E2: the file may be named by the environment.
#[test]
fn the_environment_may_name_the_file() {
    let production = Production::new();
    production.world.write("elsewhere.yaml", production.written());
    let node =
        testkit::Node::start(&production.world, &["serve"], &[("COUNTERSIGN_CONFIG_FILE", "elsewhere.yaml")]);
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(200);
}

/// E4: `check --origin` says of every value where it came from.
#[test]
fn check_says_where_each_value_came_from() {
    let production = Production::new();
    production.world.write("countersign.yaml", production.written());
    let env = [("COUNTERSIGN_ENV", "staging")];
    let ran = production.world.countersign_with(&["check", "--origin", "countersign.yaml"], &env).succeeded();
    let line = |key: &str| {
        let lines = ran.stdout.lines();
        lines
            .into_iter()
            .find(|line| line.contains(key))
            .unwrap_or_else(|| panic!("no {key}: {ran}"))
            .to_owned()
    };
    assert!(line("min_version").contains("countersign.yaml:7:"), "{ran}");
    assert!(line("max_rows").contains("default"), "{ran}");
    assert!(line("environment").contains("COUNTERSIGN_ENV"), "{ran}");
}
