//! Arguments and listening, shared by the peers in Rust.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

/// Serves on a loopback port until the process ends.
pub async fn serve(app: Router, port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    // As the service does: no response waits for the acknowledgement of the previous one.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

/// A number in the environment, which the runner always sets.
pub fn number<T: std::str::FromStr>(name: &str) -> io::Result<T> {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    given.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{name} must be a number")))
}
