//! `task-status healthcheck`: a health check for containers without a shell.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::CommandError;
use crate::cli::args::HealthcheckArgs;

/// Requests `/readyz`.
pub async fn run(args: HealthcheckArgs) -> Result<(), CommandError> {
    let address = reachable(args.admin_listen);
    timeout(args.timeout, ask(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|source| CommandError::NotReady { address, source })
}

async fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await?;
    let mut response = String::new();
    stream.take(4096).read_to_string(&mut response).await?;
    if response.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        let status_line = response.lines().next().unwrap_or("no response");
        Err(io::Error::other(status_line.to_owned()))
    }
}

/// The loopback address if the service listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
