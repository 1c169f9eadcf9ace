mod accounts;
mod away;
mod client;
mod orders;
mod proofs;
mod world;
