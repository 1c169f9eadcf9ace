//! `POST /_admin/revoke`: an administrator takes a certificate back, whoever issued it.

use std::collections::BTreeMap;

use hyper::StatusCode;
use identity::{Pin, RevocationReason, Serial};
use serde::Deserialize;

use crate::administration::{Authority, NotRevoked, Revoke};
use crate::http::admin::{Asked, bad};
use crate::http::reply::{self, Reply};
use crate::snapshot::Snapshot;

/// A certificate as it is named, and why it is taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    serial: String,
    issuer_spki_sha256: Option<String>,
    reason: Option<String>,
    with_successors: Option<bool>,
}

impl Written {
    fn read(self, by: &str, snapshot: &Snapshot) -> Result<Revoke, String> {
        let serial = Serial::parse(&self.serial).map_err(|error| format!("serial: {error}"))?;
        let issuer = self.issuer_spki_sha256.map(|pin| Pin::parse(&pin)).transpose();
        let issuer = issuer.map_err(|error| format!("issuer_spki_sha256: {error}"))?;
        let reason = match self.reason {
            None => RevocationReason::Unspecified,
            Some(word) => word.parse().map_err(|error| format!("reason: {error}"))?,
        };
        if reason == RevocationReason::RemoveFromCrl {
            return Err(format!("reason: {reason} is no reason to revoke a certificate"));
        }
        let (by, with_successors) = (by.to_owned(), self.with_successors);
        Ok(Revoke { by, serial, issuer, reason, with_successors, trusted: trusted(snapshot) })
    }
}

pub(super) async fn revoked(asked: &Asked<'_>) -> Reply {
    let written = serde_json::from_slice::<Written>(asked.body).map_err(|error| error.to_string());
    let by = asked.peer.principal().unwrap_or_default();
    let revoke = match written.and_then(|written| written.read(by, asked.snapshot)) {
        Ok(revoke) => revoke,
        Err(why) => return bad(&why),
    };
    asked.act();
    match asked.session.gateway.administration.revoke(revoke).await {
        Ok(report) => reply::ok(report.to_string()),
        Err(NotRevoked::Unclear(why)) => bad(&why),
        Err(NotRevoked::NoLedger(why)) => reply::fault(StatusCode::CONFLICT, &why),
        Err(NotRevoked::Failed(why)) => reply::fault(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

/// Every authority that some listener believes about its clients.
fn trusted(snapshot: &Snapshot) -> Vec<Authority> {
    let doors = snapshot.entrances.values().filter_map(|entrance| entrance.door.as_ref());
    let anchors = doors.filter_map(|door| door.trust()).flat_map(|trust| trust.anchors());
    let by_key: BTreeMap<String, Authority> = anchors
        .map(|anchor| {
            let (key, subject) = (anchor.identity().spki_sha256(), anchor.identity().subject().to_string());
            (key.to_string(), Authority { subject, key })
        })
        .collect();
    by_key.into_values().collect()
}
