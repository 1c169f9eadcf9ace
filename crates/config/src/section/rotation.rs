//! `authority.rotation`: when what our authority issued is replaced, and when what is above it may go.

use std::time::Duration;

use crate::table::table;

table! {
    /// When certificates are replaced.
    Rotation at "authority.rotation" {
        /// How long nobody may have come by an issuer or a root that was replaced before `countersign ca rotate finish`
        /// removes it.
        quiet: Duration = "7d";
    }
}
