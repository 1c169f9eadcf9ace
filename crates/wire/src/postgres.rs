//! PostgreSQL's protocol, version 3, as a server and a relay speak it; what a client says is the library's.
