//! Stands between hyper and the stream: hyper reads targets as clients write them, and its bare responses become errors
//! like all others.
//!
//! A request that hyper cannot parse (a broken request line, a target beyond 64 KiB, too many header fields) never
//! reaches the router: hyper sends a bare status line and closes. Such a response is recognised by its missing tracking id.
//!
//! Closes politely: a system that is sent bytes after it has closed replies with a reset, which may overtake a response.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::http::error::{ApiError, ErrorClass};
use crate::http::error_body::ErrorBody;
use crate::http::exchange::Exchange;
use crate::http::extract::JSON;
use crate::http::request_line::RequestLine;
use crate::http::response_headers::complete;
use crate::http::tracking_id::{SLPT_REQUEST_ID, TrackingId};
use crate::messages::cause::Cause;

/// How long a peer may take to close after all is said.
const LINGER: Duration = Duration::from_secs(2);

/// A connection on which each error response has the envelope.
#[derive(Debug)]
pub struct Transport<I> {
    stream: I,
    /// Unsent bytes of a response that replaces hyper's own.
    pending: Vec<u8>,
    /// Bytes of the stream that hyper has not read.
    unread: Vec<u8>,
    line: RequestLine,
    exchange: Arc<Exchange>,
    /// Begun when all is said, and the peer has yet to close.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<I> Transport<I> {
    pub fn new(stream: I, exchange: Arc<Exchange>) -> Self {
        Self {
            stream,
            pending: Vec::new(),
            unread: Vec::new(),
            line: RequestLine::default(),
            exchange,
            linger: None,
        }
    }
}

impl<I: AsyncRead + Unpin> Transport<I> {
    /// Reads on and discards, until the peer has closed too or the time is up.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let time = self.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let is_over = time.as_mut().poll(context).is_ready();
        let mut bytes = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            match read {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && !is_over => {}
                Poll::Pending if !is_over => return Poll::Pending,
                _ => return Poll::Ready(()),
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> Transport<I> {
    /// Writes once nothing else is pending.
    fn poll_next<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut I>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let polled = match self.poll_pending(context) {
            Poll::Ready(Ok(())) => write(Pin::new(&mut self.stream), context),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.exchange
            .stalled
            .store(polled.is_pending(), Ordering::Relaxed);
        polled
    }

    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes a bare refusal in place of the peer, once nothing else is pending.
    fn replace(&mut self, bytes: &[u8]) -> Option<usize> {
        let status = bare_refusal(bytes).filter(|_| self.pending.is_empty())?;
        let is_unclear = status == StatusCode::BAD_REQUEST && self.exchange.may_have_missed_head();
        let cause = self.line.cause().or(is_unclear.then_some(Cause::UnreadableHead));
        self.pending = refusal(status, cause);
        Some(bytes.len())
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Transport<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.unread.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            if !self.exchange.is_at_head() {
                return Poll::Ready(Ok(()));
            }
            if self.exchange.begins_head() {
                self.line = RequestLine::default();
            }
            let Some(encoded) = self.line.encode(&buffer.filled()[before..]) else {
                return Poll::Ready(Ok(()));
            };
            buffer.set_filled(before);
            self.unread = encoded;
        }
        let taken = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..taken]);
        self.unread.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(taken) = self.replace(bytes) {
            return Poll::Ready(Ok(taken));
        }
        self.poll_next(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A bare refusal has no body, so all of it is in the first slice.
        if let [only] = slices
            && let Some(taken) = self.replace(only)
        {
            return Poll::Ready(Ok(taken));
        }
        self.poll_next(context, |stream, context| {
            stream.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_next(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.poll_next(context, AsyncWrite::poll_shutdown))?;
        }
        let polled = self.poll_linger(context);
        self.exchange
            .lingers
            .store(polled.is_pending(), Ordering::Relaxed);
        polled.map(Ok)
    }
}

/// The status of a response that hyper made by itself: an error's status line, no content, and no tracking id.
fn bare_refusal(bytes: &[u8]) -> Option<StatusCode> {
    let head = bytes.strip_prefix(b"HTTP/1.1 ")?.strip_suffix(b"\r\n\r\n")?;
    let status = StatusCode::from_bytes(head.get(..3)?).ok()?;
    if !status.is_client_error() {
        return None;
    }
    let tracked = head
        .windows(SLPT_REQUEST_ID.as_str().len())
        .any(|window| window.eq_ignore_ascii_case(SLPT_REQUEST_ID.as_str().as_bytes()));
    (!tracked).then_some(status)
}

/// A whole response to a request of which nothing else is known, its languages included.
fn refusal(status: StatusCode, cause: Option<Cause>) -> Vec<u8> {
    let tracking_id = TrackingId::random();
    let causes = cause.into_iter().collect();
    let error = if ErrorClass::from_status(status).status == status {
        ApiError::Refused(status, causes)
    } else {
        ApiError::BadSyntax(causes)
    };
    let status = error.class().status;
    tracing::info!(trackingId = %tracking_id, status = status.as_u16(), "refused a request that is not HTTP");
    let body = serde_json::to_string(&ErrorBody::new(&error, tracking_id, None)).unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(SLPT_REQUEST_ID, tracking_id.into());
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    headers.extend(HeaderValue::try_from(date).map(|date| (header::DATE, date)));
    complete(&mut headers);
    let mut response = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &headers {
        response.extend([title_case(name).as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    response.extend([&b"\r\n"[..], body.as_bytes()].concat());
    response
}

/// A name as hyper writes it.
fn title_case(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_without_content_and_tracking_id_is_bare() {
        let bare = b"HTTP/1.1 414 URI Too Long\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(bare_refusal(bare), Some(StatusCode::URI_TOO_LONG));
        for ours in [
            &b"HTTP/1.1 400 Bad Request\r\nslpt-request-id: 0\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\nSLPT-Request-ID: 0\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 4",
            b"{\"HTTP/1.1 400\":1}",
            b"",
        ] {
            assert_eq!(bare_refusal(ours), None);
        }
    }
}
