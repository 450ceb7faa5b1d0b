//! Listening, serving, and stopping gracefully.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::http::transport::EnvelopeAcceptor;

/// How long a new connection may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a new connection may then take to send its first request.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may wait for its next request, and how long the head of a request may take. Longer than the
/// minute for which gateways keep idle connections, so that it is they who close them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// The longest head of a request. Each connection may keep as much in memory, whoever is at its other end.
const HEAD_BYTES: usize = 128 * 1024;
/// Tells browsers for a year to come to this host over TLS only (RFC 6797). Other hosts of its domain are not ours to
/// speak for.
const STRICT_TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

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
    server(listener, stop, grace)?
        .acceptor(EnvelopeAcceptor(NoDelayAcceptor::new()))
        .serve(app.into_make_service_with_connect_info::<SocketAddr>())
        .await
}

/// The same over TLS, with what `tls` holds when a connection begins.
///
/// # Errors
/// The listener does not work.
pub async fn serve_tls(
    listener: TcpListener,
    app: Router,
    tls: RustlsConfig,
    stop: CancellationToken,
    grace: Duration,
) -> io::Result<()> {
    let secured = RustlsAcceptor::new(tls)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
        .acceptor(NoDelayAcceptor::new());
    let app = app.layer(SetResponseHeaderLayer::overriding(
        header::STRICT_TRANSPORT_SECURITY,
        STRICT_TRANSPORT_SECURITY,
    ));
    server(listener, stop, grace)?
        .acceptor(EnvelopeAcceptor(secured))
        .serve(app.into_make_service_with_connect_info::<SocketAddr>())
        .await
}

/// What every connection is bounded by, and how it ends.
fn server(listener: TcpListener, stop: CancellationToken, grace: Duration) -> io::Result<Server<SocketAddr>> {
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
        });
    let mut http = server.http_builder().http1();
    http.header_read_timeout(IDLE_TIMEOUT).max_buf_size(HEAD_BYTES);
    Ok(server)
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
