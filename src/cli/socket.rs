//! The sockets that `serve` listens on.

use std::net::{SocketAddr, TcpListener};

use tokio::net::{self, TcpSocket};

use super::CommandError;
use super::serve::bound;
use crate::http::listener::Listener;

/// The most connections that wait to be accepted. The system has a bound of its own (`net.core.somaxconn`).
const BACKLOG: u32 = 4096;

/// A socket to listen on.
pub enum Socket {
    /// Connections are refused until it listens, so that their clients use another replica.
    Bound(TcpSocket, SocketAddr),
    /// It listens already: connections wait.
    Passed(TcpListener),
}

impl Socket {
    /// The sockets that were passed, else one with this address. None without either.
    pub fn of(passed: Vec<TcpListener>, address: Option<SocketAddr>) -> Result<Vec<Self>, CommandError> {
        if passed.is_empty() {
            return address.into_iter().map(Self::bind).collect();
        }
        Ok(passed.into_iter().map(Self::Passed).collect())
    }

    fn bind(address: SocketAddr) -> Result<Self, CommandError> {
        let bind = || {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            }?;
            // As the standard library does: after a restart the system still knows connections of before.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        };
        let bound = bind().map_err(|source| CommandError::Listen { address, source })?;
        Ok(Self::Bound(bound, address))
    }

    /// Listens. Returns the address too, with the real port if port 0 was requested.
    pub fn listen(self) -> Result<(Listener, SocketAddr), CommandError> {
        match self {
            Self::Bound(socket, address) => {
                let listener = socket.listen(BACKLOG).and_then(net::TcpListener::into_std);
                let listener = listener.map_err(|source| CommandError::Listen { address, source })?;
                let address = bound(&listener, address);
                Ok((listener.into(), address))
            }
            Self::Passed(socket) => {
                let address = socket.local_addr().map_err(CommandError::Sockets)?;
                let is_kept = true;
                Ok((Listener { socket, is_kept }, address))
            }
        }
    }
}
