//! The matrix can fail: servers that overlook something are caught, and caught at the right cells.

mod lax;

use std::collections::BTreeSet;

use config::{Overrides, Plan, Sources};
use time::OffsetDateTime;
use transport::{Clock as _, SystemClock};

use self::lax::{Lax, Server};
use super::Rehearsal;
use crate::case::{Case, Source};
use crate::cell::Verdict;
use crate::moment::{Moment, Stage, Way};
use crate::report::Report;
use crate::seen::Seen;
use crate::wire::Tongue;

fn plan() -> Plan {
    let text = "
tls:
  prod: { mode: files, cert: c, key: k, client_ca: ca, min_version: \"1.2\" }
listeners:
  - { name: door, transport: h2, address: 127.0.0.1:0, tls: prod, auth: [mtls] }
auth: { principals: [ { name: ann, methods: [ { mtls: { subject_cn: ann } } ] } ] }
databases: [ { name: app, backend: memory-shared, grants: [ { principal: ann, level: read-write } ] } ]
";
    let sources = Sources { file: None, env: Default::default(), overrides: Overrides::default() };
    config::read_text(&sources, text, "/".as_ref()).unwrap().0
}

fn now() -> OffsetDateTime {
    SystemClock.now()
}

/// A rehearsal of the rows that the lax servers can speak.
fn rehearsal(stages: &[Stage]) -> Rehearsal {
    let mut rehearsal = Rehearsal::of(&plan(), now()).unwrap();
    rehearsal.rows.retain(|row| row.wire.spoken == Tongue::Http(client::Spoken::H1));
    rehearsal.stages = stages.to_vec();
    rehearsal
}

fn failed(report: &Report, moment: Moment) -> BTreeSet<Case> {
    report.unmet().filter(|(_, cell)| cell.moment == moment).map(|(_, cell)| cell.case).collect()
}

#[test]
fn a_server_that_asks_for_a_certificate_and_looks_at_none_fails_every_cell_but_the_good_ones() {
    let rehearsal = rehearsal(&[Stage::Started]);
    let report = rehearsal.run(&mut Lax::new(&rehearsal.cast, Server::Blind)).unwrap();
    assert!(!report.passed);
    let failed = failed(&report, Moment { stage: Stage::Started, way: Way::Fresh });
    let good = [Case::Valid, Case::Version1];
    let wanted: BTreeSet<Case> =
        Case::all(&[Source::DenyList]).into_iter().filter(|case| !good.contains(case)).collect();
    assert_eq!(failed, wanted);
    let stranger = report.unmet().find(|(_, cell)| cell.case == Case::OtherAuthority).unwrap().1;
    assert!(stranger.is_let_in() && stranger.verdict() == Verdict::Failed, "{stranger:?}");
}

/// What rustls does by itself: a resumed client is taken for who it was, and nobody is asked.
#[test]
fn a_server_that_resumes_without_judging_again_is_caught_once_its_authority_is_swapped() {
    let rehearsal = rehearsal(&[Stage::Started, Stage::Swapped]);
    let report = rehearsal.run(&mut Lax::new(&rehearsal.cast, Server::Forgetful)).unwrap();
    let withdrawn = |way| {
        let moment = Moment { stage: Stage::Swapped, way };
        let cells = report.tables.iter().flat_map(|table| &table.cells);
        cells.filter(move |cell| cell.case == Case::OtherAuthority && cell.moment == moment)
    };
    for cell in withdrawn(Way::Fresh) {
        assert_eq!(cell.seen(), Seen::Alert("unknown_ca".to_owned()).to_string());
    }
    for cell in withdrawn(Way::Resumed) {
        assert_eq!(cell.verdict(), Verdict::Failed, "{cell:?}");
        assert_eq!(cell.note(), Some("a session was resumed"));
        assert!(cell.is_let_in());
    }
}

#[test]
fn a_stage_that_is_not_reached_is_cells_that_were_not_run_and_the_matrix_fails() {
    let rehearsal = rehearsal(&[Stage::Started, Stage::Reloaded]);
    let report = rehearsal.run(&mut Lax::new(&rehearsal.cast, Server::Forgetful)).unwrap();
    assert!(!report.passed && report.counts.not_run > 0);
    let not_run = report.unmet().filter(|(_, cell)| cell.verdict() == Verdict::NotRun);
    for (_, cell) in not_run {
        assert!(cell.seen().contains("this server does not reload"), "{}", cell.seen());
    }
}

#[test]
fn a_listener_that_there_is_no_row_for_fails_the_matrix() {
    let mut rehearsal = rehearsal(&[Stage::Started]);
    rehearsal.cases = vec![Case::Valid];
    let report = rehearsal.run(&mut Lax::new(&rehearsal.cast, Server::Forgetful)).unwrap();
    assert!(report.passed, "{:?}", report.unmet().collect::<Vec<_>>());
    rehearsal.about.not_covered.push("listener \"pigeons\": transport carrier-pigeon".to_owned());
    let report = rehearsal.run(&mut Lax::new(&rehearsal.cast, Server::Forgetful)).unwrap();
    assert!(!report.passed);
    assert!(report.html().contains("carrier-pigeon") && report.json().unwrap().contains("carrier-pigeon"));
}

#[test]
fn a_rehearsal_that_tries_nothing_has_not_passed() {
    let mut rehearsal = rehearsal(&[Stage::Started]);
    rehearsal.cases.clear();
    assert!(!rehearsal.run(&mut Lax::new(&rehearsal.cast, Server::Blind)).unwrap().passed);
}
