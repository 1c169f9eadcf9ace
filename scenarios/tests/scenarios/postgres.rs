//! PostgreSQL through the door: whom the server sees, and the clients that people use.

mod clients;
mod driver;
mod front;
mod seen;
