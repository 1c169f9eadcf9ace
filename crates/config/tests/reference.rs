//! The reference page is what the declarations say.

use std::path::Path;

/// With `UPDATE_REFERENCE=1` the page is written anew.
#[test]
fn the_reference_page_is_not_stale() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    let wanted = countersign_config::reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(page.parent().unwrap()).unwrap();
        files::write_public(&page, wanted.as_bytes()).unwrap();
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert!(
        written == wanted,
        "stale: run UPDATE_REFERENCE=1 cargo test -p countersign-config --test reference"
    );
}
