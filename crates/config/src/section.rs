//! The configuration as it is written: one file per section, every key declared once.

pub(crate) mod access;
pub(crate) mod acme;
pub(crate) mod authority;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod reload;
pub(crate) mod replication;
pub(crate) mod revocation;
pub(crate) mod rotation;
pub(crate) mod secret;
pub(crate) mod service;
pub(crate) mod tls;
pub(crate) mod top;
