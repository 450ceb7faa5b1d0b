//! Accepting connections, until no peer believes that it has one which was not accepted.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::time::Duration;

#[cfg(target_os = "linux")]
use socket2::{SockFilter, SockRef};
use tokio::net::{self, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::http::connections::{ConnectionLimits, Connections, Place};

/// How long to wait after a connection could not be accepted, which has a cause that may last: no free file descriptor.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// How long a handshake of TCP may take that began before the end: several times the way to a peer in the same data center.
const LAST_HANDSHAKES: Duration = Duration::from_millis(20);

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    pub socket: TcpListener,
    /// Whether the service manager keeps it open: the next process accepts what this one does not.
    pub is_kept: bool,
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        let is_kept = false;
        Self { socket, is_kept }
    }
}

impl Listener {
    /// Begins connections until `closing` is cancelled, and then closes the socket.
    pub async fn accept(
        self,
        limits: ConnectionLimits,
        closing: &CancellationToken,
        mut begin: impl FnMut(TcpStream, SocketAddr, Place),
    ) -> io::Result<()> {
        let Self { socket, is_kept } = self;
        socket.set_nonblocking(true)?;
        limit_writes(&socket, limits.write_timeout)?;
        let socket = net::TcpListener::from_std(socket)?;
        let places = Connections::new(limits);
        let mut end = pin!(async {
            closing.cancelled().await;
            if !is_kept {
                last_handshakes(&socket).await;
            }
        });
        loop {
            let accepted = tokio::select! {
                // First all that wait.
                biased;
                accepted = socket.accept() => accepted,
                () = &mut end => return Ok(()),
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = places.place(peer.ip()).await {
                        begin(stream, peer, place);
                    }
                }
                Err(error) => {
                    // For want of file descriptors, for example. The log counts what repeats.
                    tracing::error!(%error, "cannot accept connections; trying again");
                    sleep(ACCEPT_RETRY).await;
                }
            }
            if is_kept && closing.is_cancelled() {
                return Ok(());
            }
        }
    }
}

/// Lets the connections of a listener fail whose peer takes nothing for so long, be it alive or not. The system knows best:
/// it holds megabytes that were written and not taken.
fn limit_writes(socket: &TcpListener, limit: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    SockRef::from(socket).set_tcp_user_timeout(Some(limit))?;
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, limit);
    Ok(())
}

/// Waits until the socket can be closed without a reset. A peer has a connection half a round trip before it can be
/// accepted, and may have sent a request by then, which a proxy cannot know to be safe to repeat.
async fn last_handshakes(socket: &net::TcpListener) {
    #[cfg(target_os = "linux")]
    if let Err(error) = begin_no_handshake(socket) {
        tracing::debug!(%error, "connections that are being made may be reset");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
    sleep(LAST_HANDSHAKES).await;
}

/// Ignores segments that begin a connection. Their senders repeat them after a second, and are refused then.
#[cfg(target_os = "linux")]
fn begin_no_handshake(socket: &net::TcpListener) -> io::Result<()> {
    /// The offset of the flags in the header of TCP.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    // For the kernel's packet filter: ldb [FLAGS]; and SYN | ACK; jne SYN, 1; ret 0; ret -1.
    let filter = [
        SockFilter::new(0x30, 0, 0, FLAGS),
        SockFilter::new(0x54, 0, 0, SYN | ACK),
        SockFilter::new(0x15, 0, 1, SYN),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    SockRef::from(socket).attach_filter(&filter)
}
