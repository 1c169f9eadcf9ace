//! The two decisions, judged with real certificates.

mod decisions;
mod explained;
mod made;
mod matching;
mod properties;
mod roles;
mod strictness;
mod weakenings;
