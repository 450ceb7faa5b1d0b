//! Serving connections, and ending them gracefully.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http_body_util::BodyExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::http::connections::{ConnectionLimits, Place};
use crate::http::exchange::Exchange;
use crate::http::listener::Listener;
use crate::http::response_headers::complete;
use crate::http::stop::Stop;
use crate::http::tls::TlsConfig;
use crate::http::transport::Transport;

/// How long a new connection may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a new connection may then take to send its first request.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than the idle timeout a connection is kept: a request that was sent just in time is on its way.
const IDLE_MARGIN: Duration = Duration::from_secs(1);
/// The longest head of a request. Each connection may keep as much in memory, authenticated or not.
const HEAD_BYTES: usize = 128 * 1024;
/// Tells browsers to use TLS only for this host for a year (RFC 6797); other hosts of its domain may have none.
const STRICT_TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// How long a new connection may then take, even if the server closes meanwhile: its peer was accepted.
const NEW_CONNECTION: Duration = Duration::from_secs(1);

/// A function from requests to responses. Clones share it.
#[derive(Clone)]
pub struct App(Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>);

impl App {
    pub fn new<F: Future<Output = Response> + Send + 'static>(
        respond: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |request| respond(request).boxed()))
    }
}

impl From<Router> for App {
    fn from(routes: Router) -> Self {
        Self::new(move |request| {
            let mut routes = routes.clone();
            async move {
                let Ok(response) = routes.call(request).await;
                response
            }
        })
    }
}

/// Serves `app` until `stop`, over TLS if there is a certificate: that which `tls` holds when a connection begins. While
/// the stop is draining, responses ask for the end of their connection. Then no connection is accepted any more, requests
/// in flight are answered, and those that take longer than `grace` are cut off.
pub async fn serve(
    listener: impl Into<Listener>,
    app: impl Into<App>,
    limits: ConnectionLimits,
    tls: Option<TlsConfig>,
    stop: Stop,
    grace: Duration,
) -> io::Result<()> {
    let (listener, app) = (listener.into(), app.into());
    let mut connections = JoinSet::new();
    let serving = async {
        let begin = |stream, peer, place| {
            // Forgets those that have ended.
            while connections.try_join_next().is_some() {}
            let (app, tls, stop) = (app.clone(), tls.clone(), stop.clone());
            connections.spawn(async move {
                if let Err(error) = connection(stream, peer, &place, app, tls, stop).await {
                    tracing::debug!(%peer, error, "a connection failed");
                }
            });
        };
        listener.accept(limits, &stop.closing, begin).await?;
        while connections.join_next().await.is_some() {}
        Ok(())
    };
    let bound = async {
        stop.closing.cancelled().await;
        sleep(grace).await;
    };
    let served = tokio::select! {
        served = serving => Some(served),
        () = bound => None,
    };
    served.unwrap_or_else(|| {
        // Dropping the set cuts them off.
        let connections = connections.len();
        tracing::warn!(
            connections,
            "connections were cut off at the end of the shutdown timeout"
        );
        Ok(())
    })
}

/// One connection, from its handshake to its end.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    place: &Place,
    app: App,
    tls: Option<TlsConfig>,
    stop: Stop,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let begun = Instant::now();
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        return Ok(requests(stream, peer, place, app, false, stop, begun).await?);
    };
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
    // Boxed: other connections need no room for it.
    Box::pin(async move {
        let handshake = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        // It need not end while others wait.
        tokio::select! {
            agreed = handshake => Ok(requests(agreed??, peer, place, app, true, stop, begun).await?),
            () = closing(&stop, begun) => Ok(()),
            () = place.crowded.notified() => Ok(()),
        }
    })
    .await
}

/// Ends when the server closes, but not before a peer that has just connected could send something.
async fn closing(stop: &Stop, begun: Instant) {
    stop.closing.cancelled().await;
    sleep_until(begun + NEW_CONNECTION).await;
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Stop,
    Idle,
    /// Its place is needed.
    Crowded,
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    place: &Place,
    app: App,
    is_encrypted: bool,
    stop: Stop,
    begun: Instant,
) -> hyper::Result<()> {
    let exchange = Arc::new(Exchange::default());
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let (head, content) = request.into_parts();
        let version = head.version;
        let (content, held) = exchange.begin(content);
        let mut request = hyper::Request::from_parts(head, content);
        request.extensions_mut().insert(ConnectInfo(peer));
        let App(respond) = &app;
        let response = respond(request);
        let draining = &stop.draining;
        async move {
            let mut response = response.await;
            if draining.is_cancelled() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
                // In a response of HTTP/1.1 to a client of HTTP/1.0 hyper would add `keep-alive`.
                *response.version_mut() = version;
            }
            if is_encrypted {
                let headers = response.headers_mut();
                headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT_SECURITY);
            }
            complete(response.headers_mut());
            Ok::<_, Infallible>(response.map(|body| {
                body.map_err(move |error| {
                    let _ = &held;
                    error
                })
            }))
        }
    });
    let mut http = http1::Builder::new();
    // Names compare without regard to case, but clients with a plain map look for `X-Total-Count`.
    http.title_case_headers(true).max_buf_size(HEAD_BYTES);
    let transport = Transport::new(stream, Arc::clone(&exchange));
    let mut connection = pin!(http.serve_connection(TokioIo::new(transport), service));
    let closing_unless_new = async {
        stop.closing.cancelled().await;
        if exchange.last_use().is_none() {
            closing(&stop, begun).await;
        }
        End::Stop
    };
    let crowded = async {
        place.crowded.notified().await;
        End::Crowded
    };
    let idle = async {
        idle(&exchange, place.idle_timeout).await;
        End::Idle
    };
    // Polled only when one of them is woken, and not with each step of a request.
    let mut ends = FuturesUnordered::from_iter([
        closing_unless_new.left_future().left_future(),
        crowded.right_future().left_future(),
        idle.right_future(),
    ]);
    let end = tokio::select! {
        // A request that has arrived counts before anything else.
        biased;
        result = &mut connection => return result,
        Some(end) = ends.next() => end,
    };
    // The runtime may not have heard yet of a request that has arrived.
    tokio::select! {
        biased;
        result = &mut connection => return result,
        () = yield_now() => {}
    }
    connection.as_mut().graceful_shutdown();
    // Hyper would wait for the rest of a head. A connection that waits for the place does not wait for the peer to close.
    poll_fn(|context| match connection.as_mut().poll(context) {
        Poll::Pending
            if exchange.is_idle()
                && !exchange.stalled.load(Ordering::Relaxed)
                && (end == End::Crowded || !exchange.lingers.load(Ordering::Relaxed)) =>
        {
            Poll::Ready(Ok(()))
        }
        polled => polled,
    })
    .await
}

/// Ends when no request has been in flight for the idle timeout. Hyper's own timer closes a connection though a request
/// is on its way, and is made anew for each request; this one looks at the time of the last response when it fires.
async fn idle(exchange: &Exchange, idle_timeout: Duration) {
    let begun = Instant::now();
    let kept = idle_timeout.saturating_add(IDLE_MARGIN);
    let mut wait = kept.min(FIRST_REQUEST_TIMEOUT);
    while !wait.is_zero() {
        sleep(wait).await;
        wait = match exchange.last_use() {
            _ if !exchange.is_idle() => kept,
            Some(last) => kept.saturating_sub(last.elapsed()),
            None => FIRST_REQUEST_TIMEOUT.saturating_sub(begun.elapsed()),
        };
    }
}
