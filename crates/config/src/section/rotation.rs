//! `authority.rotation`: when what our authority issued is replaced, and when what is above it may go.

use std::time::Duration;

use crate::scalar::{Ground, Scalar, Wrong};
use crate::table::{shapes, table};

table! {
    /// When certificates are replaced by new ones: those of registered services, and what is above them.
    Rotation at "authority.rotation" {
        /// How long before its end a certificate is replaced; one that lives shorter than three times as long, in the last
        /// third of its life.
        threshold: Duration = "14d";
        /// In the place of `threshold`: after which part of its life it is replaced, such as `0.7`, 5 % sooner or later.
        fraction: Fraction;
        /// From when before its end a certificate that could not be replaced is warned of.
        alert: Duration = "7d";
        /// How often the certificates are looked at, at least; the next one that is due is never missed.
        every: Duration = "24h";
        /// How long the replaced certificate stays good beside the new one.
        overlap: Duration = "24h";
        /// How long nobody may have come by an issuer or a root that was replaced before `countersign ca rotate finish`
        /// removes it.
        quiet: Duration = "7d";
    }
}

/// A part of a whole, neither nothing nor all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fraction(pub(crate) f64);

impl Scalar for Fraction {
    fn kind() -> String {
        "number between 0 and 1".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        match text.parse::<f64>() {
            Ok(part) if part > 0.0 && part < 1.0 => Ok(Self(part)),
            _ => Err(Wrong::new("is no part of a whole (want a number between 0 and 1, such as 0.7)")),
        }
    }
}

/// Whole days, as variables give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days(pub(crate) Duration);

impl Scalar for Days {
    fn kind() -> String {
        "number of days".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        counted(text, 86_400).map(Self).ok_or_else(|| Wrong::new("is not a number of days such as 14"))
    }
}

/// Whole seconds, as variables give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) Duration);

impl Scalar for Seconds {
    fn kind() -> String {
        "number of seconds".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        counted(text, 1).map(Self).ok_or_else(|| Wrong::new("is not a number of seconds such as 86400"))
    }
}

fn counted(text: &str, unit: u64) -> Option<Duration> {
    let number: u64 = text.trim().parse().ok()?;
    // A century, so that no sum of times overflows.
    (number <= 36_500 * 86_400 / unit).then(|| Duration::from_secs(number * unit))
}

shapes! { Fraction }
