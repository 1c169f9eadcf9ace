//! Registered services over their whole life: provisioned, rotated, taken back, seen and steered (S4-1 to S4-10, L5 to
//! L10, L15, R15, A1 to A9).

mod crashes;
mod estate;
mod faults;
mod infrastructure;
mod listing;
mod metrics;
mod revoking;
mod rotating;
mod starting;
