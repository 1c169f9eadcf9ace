//! PostgreSQL through the door: who is let in, whom the server sees, and the clients that people use.

mod cancelling;
mod clients;
mod configured;
mod driver;
mod front;
mod house;
mod over_http;
mod seen;
mod starting;
mod unprotected;

pub use house::House;
