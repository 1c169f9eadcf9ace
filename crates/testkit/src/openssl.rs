//! The real openssl as a peer.

use std::process::Command;

use crate::{Node, Ran, World};

/// `openssl s_client -connect NODE ARGS…` in the world's folder, with this on standard input.
pub fn s_client(world: &World, node: &Node, args: &[&str], input: &str) -> Ran {
    let mut command = Command::new("openssl");
    command
        .arg("s_client")
        .args(["-connect", &node.address().to_string()])
        .args(args)
        .current_dir(world.folder());
    Ran::from(&mut command, input.as_bytes())
}

/// The hex SHA-256 of a certificate's public key, by the openssl line that the manual gives.
#[must_use]
pub fn spki_sha256(world: &World, certificate: &str) -> String {
    let line = format!(
        "openssl x509 -in {certificate} -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256"
    );
    let said = world.sh(&line).stdout;
    said.trim().rsplit(' ').next().unwrap_or_default().to_owned()
}

/// A certificate's serial number as `openssl x509 -serial` writes it.
#[must_use]
pub fn serial(world: &World, certificate: &str) -> String {
    let said = world.sh(&format!("openssl x509 -in {certificate} -noout -serial")).stdout;
    said.trim().trim_start_matches("serial=").to_owned()
}
