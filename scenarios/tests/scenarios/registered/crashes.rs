//! A node that is killed at any moment of a certificate's making leaves nothing that the next start does not put right.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;
use testkit::binary;

use super::estate::Estate;

/// What a walk logs at level `trace`, in its order.
const STEPS: [&str; 8] =
    ["begun", "key kept", "recorded", "completed", "chain kept", "switched", "done", "tidied"];

/// Starts the node and kills it, with a signal that nobody hears, as soon as it has told of a step.
fn killed_at(estate: &Estate, step: &str) {
    let mut command = binary::command(["serve", "--config", "r/countersign.yaml"]);
    command
        .current_dir(estate.world.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary can be started");
    let errors = BufReader::new(child.stderr.take().expect("stderr was piped"));
    let wanted = format!("\"{step}\"");
    let mut seen = Vec::new();
    for line in errors.lines().map_while(Result::ok) {
        let found = line.contains("service certificate") && line.contains(&wanted);
        seen.push(line);
        if found {
            break;
        }
    }
    child.kill().expect("the node runs");
    let _ = child.wait();
    assert!(seen.last().is_some_and(|line| line.contains(&wanted)), "{step}: {}", seen.join("\n"));
}

/// One good certificate for each service, whose key is there, and nothing half done.
fn in_order(estate: &Estate, step: &str) {
    let node = estate.serve();
    for service in ["backend", "worker"] {
        let entry = estate.listed(&node, service);
        assert_eq!(entry["serial"], Value::from(estate.serial(service)), "{step}");
        assert_eq!(entry["rotation_in_progress"], false, "{step}: {entry}");
    }
    assert_eq!(estate.curl_of(&node, "worker").get("/_auth/whoami").status, 200, "{step}");
    let mut good: Vec<String> = Vec::new();
    for (state, serial) in estate.on_record() {
        assert_ne!(state, "drafted", "{step}: {serial} did not end");
        if state == "issued" {
            good.push(serial);
        }
    }
    let mut presented = ["backend", "worker"].map(|service| estate.serial(service)).to_vec();
    presented.sort();
    good.sort();
    assert_eq!(good, presented, "{step}: what is good is presented, and nothing else is good");
}

/// Point 3 of the promise: nothing is stuck and nothing is unknown.
#[test]
fn a_node_that_is_killed_at_any_step_of_provisioning_has_one_good_certificate_after_the_next_start() {
    let estate = Estate::new();
    estate.configured("control_plane:", "logging: { format: json, level: trace }\ncontrol_plane:");
    for step in STEPS {
        // What the node is called stays, and with it what it knows of the certificates that are lost here.
        estate.world.sh("rm -rf r/state/services/backend r/state/services/worker");
        killed_at(&estate, step);
        in_order(&estate, step);
    }
}
