//! Other rules, tried on the chains that came lately.

use std::collections::HashMap;
use std::sync::Arc;

use fault::{Code, Refusal};
use identity::{RevocationPolicy, Revocations, Verification, Verified};
use time::OffsetDateTime;
use transport::{Asking, ClientAuth, Online};

use crate::house::{House, directory};

/// A service that nobody has asked yet, and that answers nobody.
#[derive(Debug)]
struct Unasked;

impl Online for Unasked {
    fn recall(&self, _: &Verified, _: OffsetDateTime) -> Option<Result<Verified, Refusal>> {
        None
    }

    fn ask<'a>(&'a self, _: &'a Verified) -> Asking<'a> {
        Box::pin(async { Err(Refusal::new(Code::RevocationUnknown, "nobody answers")) })
    }
}

fn came(house: &House, status: u16) {
    let mut wire = house.h1("analyst");
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, status);
}

#[test]
fn a_leaf_that_was_accepted_and_refused_is_judged_otherwise_once() {
    let house = House::new();
    came(&house, 200);
    let both = Arc::clone(&house.gateway.snapshot().directory);
    house.publish(|snapshot| snapshot.directory = Arc::new(directory(&["reporting"])));
    came(&house, 401);
    house.publish(|snapshot| snapshot.directory = both);
    let entrances = &house.gateway.snapshot().entrances;
    let found = house.gateway.differences(entrances, &directory(&["reporting"]));
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn a_chain_that_would_be_asked_about_first_is_not_said_to_be_refused() {
    let house = House::new();
    came(&house, 200);
    let policy =
        RevocationPolicy { verification: Some(Verification::default()), ..RevocationPolicy::default() };
    let trust = house.trust(&["client-ca"]).with_revocations(Arc::new(Revocations::new(policy)));
    let entrance = house.entrance(ClientAuth::Require(Arc::new(trust)), Some(Arc::new(Unasked)));
    let entrances = HashMap::from([("main".into(), entrance)]);
    let found = house.gateway.differences(&entrances, &directory(&["analyst", "reporting"]));
    assert_eq!(found, []);
}
