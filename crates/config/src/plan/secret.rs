use std::path::PathBuf;
use std::time::Duration;

use identity::Secret;

/// A secret that some key asks for, and where it is. It is read when everything that a Plan names is.
#[derive(Clone, Debug)]
pub struct SecretPlan {
    /// As it was written: `SOURCE:NAME`.
    pub written: String,
    /// Where it is.
    pub kept: SecretKept,
}

/// Where a secret is.
#[derive(Clone, Debug)]
pub enum SecretKept {
    /// It was in an environment variable.
    Given {
        /// The variable.
        variable: String,
        /// What it held.
        secret: Secret,
    },
    /// It is what this file holds.
    File(PathBuf),
    /// It is what a program prints.
    Command {
        /// The program and its arguments, the secret's name among them.
        command: Vec<String>,
        /// How long it may take.
        timeout: Duration,
    },
}

/// The same place. What a variable holds stays what it was at the start; what is in a file, or printed, is for whoever reads it
/// to compare.
impl PartialEq for SecretPlan {
    fn eq(&self, other: &Self) -> bool {
        let same_place = match (&self.kept, &other.kept) {
            (SecretKept::Given { variable: was, .. }, SecretKept::Given { variable: is, .. }) => was == is,
            (SecretKept::File(was), SecretKept::File(is)) => was == is,
            (
                SecretKept::Command { command: was, timeout: before },
                SecretKept::Command { command: is, timeout: now },
            ) => was == is && before == now,
            _ => false,
        };
        same_place && self.written == other.written
    }
}

impl Eq for SecretPlan {}
