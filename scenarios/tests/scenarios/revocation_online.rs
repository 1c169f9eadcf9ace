//! Asking the authorities' own services: lists from distribution points, and OCSP (R5–R13, R17, R19–R21, S3-3).
//!
//! Each of the ten mistakes that `Harper` makes here has a test that says so by its number.

mod answers;
mod bounds;
mod harper;
mod lists;
mod live;
mod town;
