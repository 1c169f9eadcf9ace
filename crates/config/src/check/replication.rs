//! The rules of `replication`.

use fault::Place;

use super::tls::{override_verification, verify};
use crate::plan::{LedgerPlan, PostgresPlan, ReplicationPlan, SslMode};
use crate::reader::{At, Reader};
use crate::section::replication::Replication;
use crate::sources::{Sources, http};

/// How the ledger's server is judged; without a ledger on a server there is nothing to judge, which is said.
pub(super) fn plan(
    reader: &mut Reader<'_>,
    sources: &Sources,
    written: &At<Replication>,
    ledger: Option<&LedgerPlan>,
) -> ReplicationPlan {
    let mut plan = ReplicationPlan::default();
    let Replication { mtls, enable_root_cas, .. } = &written.value;
    if enable_root_cas.value {
        let said = "config: replication.enableRootCAs is true: public authorities are not believed about a ledger's server";
        reader.refuse(enable_root_cas, said, "name the server's own authority: sslrootcert in ledger.url");
    }
    let Some(asked) = &mtls.value.0 else {
        let said = "config: replication.mtls is false: mTLS between nodes cannot be switched off";
        reader.refuse(mtls, said, "leave it out, or write mtls: true");
        return plan;
    };
    let mut verification = asked.certificate_verification.clone();
    override_verification(reader, sources, &http::REPLICATION, VERIFICATION, &mut verification);
    plan.revocation.crl_files = asked.crl_files.value.iter().map(|at| at.value.clone()).collect();
    if let Some(asked) = &verification.value.0 {
        verify(reader, asked, &mut plan.revocation);
    }
    let spoken = written.place.as_ref().or(verification.place.as_ref());
    unjudged(reader, &plan, ledger, spoken.cloned());
    let served = !matches!(ledger, None | Some(LedgerPlan::Sqlite { .. }));
    if let Some(place) = spoken.filter(|_| !served) {
        let note = At { value: (), place: Some(place.clone()) };
        let fault = note.fault("replication has nothing to act on: the ledger is not on PostgreSQL");
        reader
            .warnings
            .push(fault.remedy("nodes share a ledger on a server: ledger: { url: \"postgresql://…\" }"));
    }
    plan
}

/// What is asked of a server that is not judged at all would be asked of nobody.
fn unjudged(
    reader: &mut Reader<'_>,
    plan: &ReplicationPlan,
    ledger: Option<&LedgerPlan>,
    place: Option<Place>,
) {
    let Some(LedgerPlan::Postgres(PostgresPlan { sslmode, .. })) = ledger else { return };
    match sslmode {
        SslMode::VerifyCa | SslMode::VerifyFull => return,
        SslMode::Disable | SslMode::Require => {}
    }
    if plan.revocation.crl_files.is_empty() && plan.revocation.policy.verification.is_none() {
        return;
    }
    let mode = sslmode.as_str();
    let said =
        format!("config: replication.mtls judges the ledger's server, and sslmode={mode} believes any");
    reader.refuse(&At { value: (), place }, said, "write sslmode=verify-full in ledger.url");
}

const VERIFICATION: &str = "replication.mtls.certificateVerification";
