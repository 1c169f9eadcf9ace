//! From request to certificate, judged by OpenSSL and by our own verifier.

extern crate countersign_authority as authority;

#[cfg(test)]
mod anew;
#[cfg(test)]
mod authorities;
#[cfg(test)]
mod constrained;
#[cfg(test)]
mod csr;
#[cfg(test)]
mod judged;
#[cfg(test)]
mod ledgered;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod publishing;
#[cfg(test)]
mod revoking;
#[cfg(test)]
mod succeeding;
#[cfg(test)]
mod world;
