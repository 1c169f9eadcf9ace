//! A TCP listener.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use fault::{Fault, Place};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// How many connections the kernel may hold for us before they are accepted.
const BACKLOG: i32 = 4096;

/// Listens on `address`, `HOST:PORT` with an IP address or a name of this machine; port 0 takes a free one.
///
/// `SO_REUSEADDR` is set, so that a restart need not wait for old connections; `SO_REUSEPORT` is not, so that two
/// servers never share a port unnoticed. It must be called within a tokio runtime.
///
/// # Errors
/// The address is none, the port is taken, the address is not this machine's, or the port needs a privilege.
pub fn listen(address: &str) -> Result<TcpListener, Fault> {
    let resolved = resolve(address)?;
    bind(resolved).map_err(|error| fault_of(resolved, &error))
}

/// Reads an address; a name is looked up, once, at the start.
fn resolve(address: &str) -> Result<SocketAddr, Fault> {
    if let Ok(address) = address.parse() {
        return Ok(address);
    }
    let fault = || {
        Fault::yours(format!("cannot listen on \"{address}\""))
            .at(Place::Name(address.to_owned()))
            .remedy("write HOST:PORT, such as 127.0.0.1:7777, [::1]:7777 or 0.0.0.0:7777")
    };
    let mut found = address.to_socket_addrs().map_err(|error| fault().because(error))?;
    found.next().ok_or_else(|| fault().because("the name has no address"))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn fault_of(address: SocketAddr, error: &io::Error) -> Fault {
    let port = address.port();
    let (fault, remedy) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            Fault::yours(format!("cannot listen on {address}: port {port} is taken")),
            format!("see who holds it (ss -ltnp 'sport = :{port}'), stop it, or choose another port"),
        ),
        io::ErrorKind::AddrNotAvailable => (
            Fault::yours(format!("cannot listen on {address}: this machine has no such address")),
            format!("use one of its own addresses (ip -brief address), or 0.0.0.0:{port} for all of them"),
        ),
        io::ErrorKind::PermissionDenied => (
            Fault::yours(format!("cannot listen on {address}: port {port} needs a privilege")),
            "choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE".to_owned(),
        ),
        _ => (
            Fault::theirs(format!("cannot listen on {address}")),
            "check the address and the limits of open files (ulimit -n)".to_owned(),
        ),
    };
    fault.at(Place::Name(address.to_string())).because(error).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[tokio::test]
    async fn a_taken_port_is_named_with_what_to_do() {
        let first = listen("127.0.0.1:0").unwrap();
        let address = first.local_addr().unwrap();
        let fault = listen(&address.to_string()).unwrap_err().to_string();
        assert!(fault.contains(&format!("port {} is taken", address.port())), "{fault}");
        assert!(fault.contains("try: see who holds it"), "{fault}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused_with_what_to_do() {
        let fault = listen("192.0.2.1:0").unwrap_err().to_string();
        assert!(fault.contains("this machine has no such address"), "{fault}");
    }

    #[tokio::test]
    async fn a_name_of_this_machine_will_do_and_a_bare_port_will_not() {
        assert!(listen("localhost:0").is_ok());
        let fault = listen("7777").unwrap_err().to_string();
        assert!(fault.contains("try: write HOST:PORT"), "{fault}");
    }
}
