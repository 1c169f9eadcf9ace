//! The reference page of the metrics is the code's own.

use std::path::Path;

#[test]
fn the_metrics_page_says_what_the_code_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md");
    let generated = countersign_daemon::metrics_reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        files::write_public(&page, generated.as_bytes()).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(written == generated, "{} is stale: run this test with UPDATE_REFERENCE=1", page.display());
}
