//! Asking for a certificate over the door: by invitation, by succession, by an administrator's word (L11, L12, L18, S3, N11).

mod house;
mod invitations;
mod names;
mod renewals;
mod uploads;
mod vouching;
