mod accounts;
mod client;
mod orders;
mod proofs;
mod world;
