//! The state that the stream of a connection and its requests share.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::Instant;

/// The state of a connection.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Whether bytes wait for the peer to take them.
    pub stalled: AtomicBool,
    /// Whether all is said, and the peer has yet to close.
    pub lingers: AtomicBool,
    /// Cloned by a request until its content and its response are done with.
    in_flight: Arc<LastUse>,
    /// Whether there has been a request since the last head began.
    asked: AtomicBool,
    /// Whether some content was not asked for. Hyper may read it in place of the next head.
    left_content: AtomicBool,
}

/// When the last request of a connection ended, if there was any.
#[derive(Debug, Default)]
struct LastUse(Mutex<Option<Instant>>);

/// A request in flight.
#[derive(Debug)]
pub struct InFlight(Arc<LastUse>);

impl Drop for InFlight {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Exchange {
    /// Begins a request with this content. The other value is to be held until its response is written.
    pub fn begin(self: &Arc<Self>, content: Incoming) -> (Body, InFlight) {
        self.asked.store(true, Ordering::Relaxed);
        let in_flight = || InFlight(Arc::clone(&self.in_flight));
        let content = if content.is_end_stream() {
            Body::empty()
        } else {
            Body::new(Content {
                incoming: content,
                has_ended: false,
                exchange: Arc::clone(self),
                _held: in_flight(),
            })
        };
        (content, in_flight())
    }

    /// Whether there is no request.
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.in_flight) == 1
    }

    /// When the last request ended, if there was any.
    pub fn last_use(&self) -> Option<Instant> {
        *self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the head that was read last may have come with other bytes, unnoticed.
    pub fn may_have_missed_head(&self) -> bool {
        !self.is_at_head() || self.asked.load(Ordering::Relaxed)
    }

    /// Whether bytes that come now are of a head.
    pub fn is_at_head(&self) -> bool {
        self.is_idle() && !self.left_content.load(Ordering::Relaxed)
    }

    /// Whether they may be the first of it. True once a request.
    pub fn begins_head(&self) -> bool {
        self.is_at_head() && self.asked.swap(false, Ordering::Relaxed)
    }
}

/// The content of a request.
struct Content {
    incoming: Incoming,
    has_ended: bool,
    exchange: Arc<Exchange>,
    _held: InFlight,
}

impl hyper::body::Body for Content {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        self.has_ended = frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        if !self.has_ended && !self.incoming.is_end_stream() {
            self.exchange.left_content.store(true, Ordering::Relaxed);
        }
    }
}
