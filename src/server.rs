//! Listening, serving, and stopping gracefully.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::transport::EnvelopeAcceptor;

/// How long a new connection may take to send its first request.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may wait for its next request, and how long the head of a request may take. Longer than the
/// minute for which gateways keep idle connections, so that it is they who close them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// Serves `app` until `stop` is cancelled. Then no connection is accepted any more, requests under way are answered,
/// and what is not answered within `grace` is cut off.
///
/// # Errors
/// The listener does not work.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    stop: CancellationToken,
    grace: Duration,
) -> io::Result<()> {
    let handle: Handle<SocketAddr> = Handle::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.cancelled().await;
            handle.graceful_shutdown(Some(grace));
        }
    });
    let mut server = axum_server::from_tcp(listener)?
        .handle(handle)
        .http1_only()
        .first_request_timeout(FIRST_REQUEST_TIMEOUT)
        .accept_error_handler(|peer, error| {
            tracing::debug!(?peer, %error, "a connection failed before its first request");
        })
        .acceptor(EnvelopeAcceptor(NoDelayAcceptor::new()));
    server.http_builder().http1().header_read_timeout(IDLE_TIMEOUT);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    server.serve(app).await
}

/// Cancelled by SIGINT (Ctrl-C) or SIGTERM. A second signal ends the process at once.
///
/// # Errors
/// The system has no signal handler to give.
pub fn stop_on_signal() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut signals = Signals::new()?;
    tokio::spawn({
        let stop = stop.clone();
        async move {
            let name = signals.next().await;
            tracing::info!(signal = name, "stopping; a second signal stops at once");
            stop.cancel();
            signals.next().await;
            tracing::warn!("stopped at once; requests under way were cut off");
            std::process::exit(130);
        }
    });
    Ok(stop)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
