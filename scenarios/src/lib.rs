//! Promises, each a test named as the sentence that must hold, run against the built binary.
//!
//! The tests are in `tests/scenarios/`, one module per subject. Each begins with the promise and where it was given:
//! `S1-6` is a snippet of a source document that must run as written, `T19` a row of the feature list.
