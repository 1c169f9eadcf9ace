//! Test worlds: what a scenario needs in order to read as a story.
//!
//! A test makes a [`World`] (a folder of its own), puts a PKI into it, starts a [`Node`] (our binary, on a port that the
//! system chose), and asks it things as the outside world does: with [`Curl`], with [`s_client`], or with bytes of its
//! own choosing over a [`Wire`]. Nothing sleeps and hopes: every wait is a condition with [`patience`]. What a world
//! started ends with it.
//!
//! - [`binary`]: where the binary under test is; builds it where nobody said.
//! - [`certificate`]: certificates that no careful authority would make.
//! - [`client`]: a TLS client that presents whatever a test wants presented.
//! - [`curl`]: the real curl, and its answer taken apart.
//! - [`h2`]: one HTTP/2 connection, frame by frame.
//! - [`node`]: the binary under test, serving.
//! - [`openssl`]: the real openssl as a peer.
//! - [`patience`]: waiting for a condition.
//! - [`postgres`]: the real PostgreSQL.
//! - [`ran`]: a program that ran to its end.
//! - [`recipe`]: PKIs made by the openssl lines that users copy.
//! - [`redis`]: a real redis.
//! - [`revocation`]: lists of what an authority took back.
//! - [`services`]: an authority's services, lists and OCSP, switchable.
//! - [`wire`]: one raw connection, plain or TLS.
//! - [`world`]: a folder for one test.

pub mod binary;
pub mod certificate;
pub mod client;
pub mod curl;
pub mod h2;
pub mod node;
pub mod openssl;
pub mod patience;
pub mod postgres;
pub mod ran;
pub mod recipe;
pub mod redis;
pub mod revocation;
pub mod services;
pub mod wire;
pub mod world;

pub use client::Client;
pub use curl::{Answer, Curl};
pub use h2::H2;
pub use node::Node;
pub use openssl::s_client;
pub use postgres::Postgres;
pub use ran::Ran;
pub use redis::Redis;
pub use wire::Wire;
pub use world::World;
