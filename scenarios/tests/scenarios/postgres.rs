//! PostgreSQL through the door: who is let in, whom the server sees, and the clients that people use.

mod cancelling;
mod carrying;
mod clients;
mod configured;
mod driver;
mod ending;
mod front;
mod house;
mod mapped;
mod over_http;
mod seen;
mod starting;
mod street;
mod unprotected;

pub use house::House;
