//! Lists and answers that openssl makes are read, and openssl reads ours.

extern crate countersign_identity as identity;

#[cfg(test)]
mod answers;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod openssl;
