//! Files that change by themselves (E8, S2-12), and the halves of changes (E9).

use std::time::Duration;

use super::house::House;
use super::within;
use crate::production::replaced;

/// S2-12: certbot keeps versions in an archive and moves a link.
#[test]
fn a_link_that_is_moved_to_another_version_is_noticed() {
    let house = House::watching();
    let world = &house.production.world;
    world.sh("mkdir -p live archive && mv server.crt archive/cert1.pem && mv server.key archive/key1.pem \
              && ln -s ../archive/cert1.pem live/cert.pem && ln -s ../archive/key1.pem live/key.pem");
    let here = world.folder().display().to_string();
    house.change(|yaml| {
        let yaml = replaced(yaml, &format!("{here}/server.crt"), &format!("{here}/live/cert.pem"));
        replaced(&yaml, &format!("{here}/server.key"), &format!("{here}/live/key.pem"))
    });
    // Nothing that is served has changed, and still it is other files from now on.
    house.applies(1);
    let serial = house.new_server_certificate("fresh");
    world.sh("mv fresh.crt archive/cert2.pem && mv fresh.key archive/key2.pem \
              && ln -s ../archive/cert2.pem live/c && mv -T live/c live/cert.pem \
              && ln -s ../archive/key2.pem live/k && mv -T live/k live/key.pem");
    house.applies(2);
    assert_eq!(house.served_serial(), serial);
}

/// E8: Kubernetes writes a new folder and swaps `..data`.
#[test]
fn a_swap_of_the_data_folder_as_kubernetes_does_it_is_noticed() {
    let house = House::watching();
    let world = &house.production.world;
    world.sh("mkdir -p mount/..one && cp -p server.crt mount/..one/tls.crt && cp -p server.key mount/..one/tls.key \
              && ln -s ..one mount/..data && ln -s ..data/tls.crt mount/tls.crt && ln -s ..data/tls.key mount/tls.key");
    let here = world.folder().display().to_string();
    house.change(|yaml| {
        let yaml = replaced(yaml, &format!("{here}/server.crt"), &format!("{here}/mount/tls.crt"));
        replaced(&yaml, &format!("{here}/server.key"), &format!("{here}/mount/tls.key"))
    });
    house.applies(1);
    for (round, folder) in ["..two", "..three"].into_iter().enumerate() {
        let serial = house.new_server_certificate(&format!("fresh{round}"));
        world.sh(&format!(
            "mkdir mount/{folder} && mv fresh{round}.crt mount/{folder}/tls.crt && mv fresh{round}.key mount/{folder}/tls.key \
             && ln -s {folder} mount/..data_tmp && mv -T mount/..data_tmp mount/..data"
        ));
        house.applies(2 + round);
        assert_eq!(house.served_serial(), serial);
    }
}

/// E8: where the kernel tells of nothing, contents are compared from time to time.
#[test]
fn a_change_is_found_by_comparison_too() {
    let house = House::with("reload: { watch: true, poll: 1s }\n");
    // The name is opened for writing and never closed, so that the kernel tells of nothing.
    let path = house.production.world.path("countersign.yaml");
    let yaml = format!("{}limits: {{ max_rows: 1 }}\n", house.yaml());
    let mut file = std::fs::OpenOptions::new().write(true).open(path).expect("the configuration");
    std::io::Write::write_all(&mut file, yaml.as_bytes()).expect("a write");
    house.applies(1);
    drop(file);
}

/// E9: a certificate comes before its key; the pair is used when it is one.
#[test]
fn halves_of_a_pair_are_read_again_until_they_match() {
    let house = House::watching();
    let serial = house.new_server_certificate("fresh");
    let world = &house.production.world;
    world.sh("cp fresh.crt s.crt && mv s.crt server.crt; sleep 0.7; mv fresh.key server.key");
    within(Duration::from_secs(10), "the new serial number", &house, || {
        (house.served_serial() == serial).then_some(())
    });
    assert_eq!(house.applied(), 1);
    assert!(!house.node.has_logged(&["reload rejected"]), "{}", house.node.log());
}

/// E9: what stays broken is rejected once, with the reason, and the last good state stays.
#[test]
fn a_pair_that_stays_broken_is_rejected_once_and_the_old_one_is_served() {
    let house = House::watching();
    let before = house.served_serial();
    house.break_pair();
    house.node.logged(&["reload rejected", "server.key"]);
    assert_eq!(house.served_serial(), before);
    house.mend_pair();
    let error = || house.curl("admin").get("/_admin/status").json()["reload"]["last_error"].clone();
    within(Duration::from_secs(10), "a status without an error", &house, || error().is_null().then_some(()));
    let status = house.curl("admin").get("/_admin/status").json();
    assert_eq!(status["reload"]["last_result"], "unchanged", "{status}");
    house.change(|yaml| format!("{yaml}limits: {{ max_rows: 1 }}\n"));
    house.applies(1);
    let log = house.node.log();
    assert_eq!(log.matches("reload rejected").count(), 1, "{log}");
}

/// What an administrator was told is not told again when the files are found to have changed.
#[test]
fn what_was_rejected_when_it_was_asked_for_is_not_tried_again() {
    let house = House::watching();
    house.change(|yaml| replaced(yaml, "admins: [admin]", "admins: [admin, analyst]"));
    house.curl("admin").body("{}").get("/_admin/reload").with_status(409);
    // Long enough for a look at the files; another attempt would be in the log by then.
    house.production.world.sh("sleep 1");
    let log = house.node.log();
    let outcomes: Vec<&str> = log.lines().filter(|line| line.contains("reload rejected")).collect();
    assert!(outcomes.last().is_some_and(|line| line.contains("principal")), "{outcomes:#?}");
    house.change(|yaml| {
        let yaml = replaced(yaml, "admins: [admin, analyst]", "admins: [admin]");
        format!("{yaml}limits: {{ max_rows: 1 }}\n")
    });
    house.applies(1);
}

/// Whoever keeps writing faults is told all the same.
#[test]
fn a_file_that_is_rewritten_with_faults_again_and_again_is_rejected() {
    let house = House::watching();
    let good = house.yaml();
    let mut round = 0;
    within(Duration::from_secs(20), "a rejection", &house, || {
        round += 1;
        house.change(|_| format!("{good}nonsense{round}: 1\n"));
        std::thread::sleep(Duration::from_millis(500));
        house.node.has_logged(&["reload rejected", "nonsense"]).then_some(())
    });
}
