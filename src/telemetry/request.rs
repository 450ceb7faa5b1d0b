//! The ids of the request that is worked for: every line of the log that is written meanwhile has them.
//!
//! They are no span of `tracing`: a span is formatted when it begins, and most requests write no line.

use opentelemetry::trace::{SpanId, TraceId};
use uuid::fmt::Simple;

tokio::task_local! {
    static CURRENT: Option<RequestIds>;
}

/// The ids of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestIds {
    pub tracking_id: Simple,
    /// Those of its span, if it is traced.
    pub trace: Option<(TraceId, SpanId)>,
}

impl RequestIds {
    /// Those of the request that is worked for.
    pub fn current() -> Option<Self> {
        CURRENT.try_get().ok().flatten()
    }

    /// Works for the request.
    pub fn around<W: Future>(self, work: W) -> impl Future<Output = W::Output> {
        CURRENT.scope(Some(self), work)
    }

    /// Each id with its name.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let (trace_id, span_id) = self.trace.unzip();
        let ids = [
            ("trackingId", Some(self.tracking_id.to_string())),
            ("trace_id", trace_id.map(|id| id.to_string())),
            ("span_id", span_id.map(|id| id.to_string())),
        ];
        ids.into_iter().filter_map(|(name, id)| Some((name, id?)))
    }
}

/// Work that the request leaves to a task of its own.
pub fn for_current_request<W: Future>(work: W) -> impl Future<Output = W::Output> {
    CURRENT.scope(RequestIds::current(), work)
}
