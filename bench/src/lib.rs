//! What the micro-benchmarks and the load program share.
//!
//! - [`process`]: CPU time and memory of a process and its children, read from `/proc`.
//! - [`stopwatch`]: rounds, medians and CPU time per operation for the micro-benchmarks in `benches/`.

pub mod process;
pub mod stopwatch;
