//! One target for each parser that a stranger's bytes can reach.
//!
//! The targets are in `tests/`, named after the parser; each checks a property and not only that nothing panics.
//! `cargo test -p countersign-fuzz` runs every target briefly; README.md tells how to run one for longer.
