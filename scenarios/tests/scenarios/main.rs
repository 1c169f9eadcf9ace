//! Every promise, one module per subject.

mod production;

mod audit;
mod certificates;
mod checking;
mod configuration;
mod environment;
mod examples;
mod explaining;
mod five_minutes;
mod harper;
mod hostile;
mod http;
mod identities;
mod internal_authority;
mod keys;
mod limits;
mod matrix;
mod observing;
mod open;
mod policy;
mod querying;
mod read_only;
mod revocation_lists;
mod revocation_online;
mod revocations;
mod revoked;
mod services;
mod shutdown;
mod sql;
mod sql_errors;
mod tiers;
mod tls;
mod tls_profiles;
mod two_authorities;
mod verifying;
