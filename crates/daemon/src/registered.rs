//! The registered services of this node at its start.

use std::sync::Arc;

use fault::Faults;
use ledger::Ledger;
use prometheus_client::registry::Registry;
use registrar::{Issuing, Rules, Services};
use transport::Clock;

/// The registered services, each with a certificate where it can have one. Nothing where there is no ledger.
///
/// # Errors
/// The node's folder cannot be written, or a service has no certificate where each must have one.
pub(crate) async fn provisioned(
    ledger: Option<&Arc<dyn Ledger>>,
    clock: &Arc<dyn Clock>,
    issuing: &Issuing,
    registry: &mut Registry,
) -> Result<Option<Arc<Services>>, Faults> {
    let Some(ledger) = ledger else { return Ok(None) };
    let (ledger, clock, rules) = (Arc::clone(ledger), Arc::clone(clock), Rules::of(issuing));
    let services = Arc::new(Services::new(ledger, clock, &issuing.state, rules, registry)?);
    services.provision().await?;
    Ok(Some(services))
}
