//! Traces of requests, sent to a collector by OTLP over HTTP. Without an endpoint there is no tracer, and every function
//! here is a branch.
//!
//! A request that is traced carries its span as OpenTelemetry's context; what happens for it becomes a child of that. Spans
//! are no spans of `tracing`: a line of the log says in which request it was written, whatever else was going on.
//!
//! The library keeps ended spans in a bounded queue, and a thread of its own sends them in batches. If the collector does not
//! take them, they are dropped.

mod collector;
mod statements;

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{
    FutureExt, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceId, Tracer as _, TracerProvider,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use reqwest::Url;
use thiserror::Error;
use tokio::task::spawn_blocking;

use self::collector::Collector;
pub use self::collector::Exports;
pub(super) use self::statements::Statements;

/// How long the last spans may take when the program ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest header of a trace that is read. The conventions ask for as much of `tracestate`.
const MAX_HEADER_BYTES: usize = 512;

/// The variables of the library about its queue and batches, and the most that each may be: the library allocates the queue.
const VARIABLES: [(&str, u64); 4] = [
    ("OTEL_BSP_MAX_QUEUE_SIZE", 65_536),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 65_536),
    ("OTEL_BSP_SCHEDULE_DELAY", 3_600_000),
    ("OTEL_BSP_EXPORT_TIMEOUT", 3_600_000),
];

/// Set once, if traces are to be made.
static TRACING: OnceLock<Tracing> = OnceLock::new();

struct Tracing {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    exports: Exports,
}

/// The collector that traces are sent to, and the choice of requests.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The whole URL.
    pub endpoint: Url,
    pub protocol: Protocol,
    pub sampler: Sampler,
}

/// The reason why no traces can be made.
#[derive(Debug, Error)]
pub enum TraceError {
    #[error("{setting} must be a URL that begins with http:// or https://")]
    Endpoint { setting: &'static str },
    #[error("{variable} must be an integer from 1 to {max}")]
    Variable { variable: &'static str, max: u64 },
    #[error("cannot create an HTTP client for traces")]
    Client(#[source] reqwest::Error),
    #[error("cannot send traces with these settings")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Makes traces from now on. Call once, before [`super::start`].
pub fn start(settings: TraceSettings) -> Result<(), TraceError> {
    for (variable, max) in VARIABLES {
        let is_valid = |given: String| given.parse().is_ok_and(|given| (1..=max).contains(&given));
        if std::env::var(variable).is_ok_and(|given| !is_valid(given)) {
            return Err(TraceError::Variable { variable, max });
        }
    }
    let exports = Exports::default();
    let collector = Collector::new(&settings.endpoint, exports.clone()).map_err(TraceError::Client)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(collector)
        .with_endpoint(settings.endpoint.as_str())
        .with_protocol(settings.protocol)
        .build()?;
    // The variables of the library win.
    let own = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ]);
    let resource = own.with_detectors(&[
        Box::new(TelemetryResourceDetector),
        Box::new(EnvResourceDetector::new()),
    ]);
    let resource = match std::env::var("OTEL_SERVICE_NAME") {
        Ok(name) => resource.with_service_name(name),
        Err(_) => resource,
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(settings.sampler)
        .with_resource(resource.build())
        .build();
    let tracer = provider.tracer("task-status");
    // It is not called twice.
    let _ = TRACING.set(Tracing {
        provider,
        tracer,
        exports,
    });
    Ok(())
}

/// Sends the spans that are still queued, in bounded time.
pub async fn stop() {
    if let Some(tracing) = TRACING.get() {
        let provider = tracing.provider.clone();
        // It blocks until its thread has sent them. A failure was logged.
        let _ = spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_TIMEOUT)).await;
    }
}

/// Whether traces are made.
pub(super) fn is_started() -> bool {
    TRACING.get().is_some()
}

/// The exports of this process; `None` if no traces are made.
pub fn exports() -> Option<&'static Exports> {
    TRACING.get().map(|tracing| &tracing.exports)
}

/// A span that lasts until it is dropped.
pub struct Span(Context);

impl Span {
    /// The span of a request with these headers, which may name the span of its caller. Whether it is sampled is for the
    /// sampler to say; `None` only if no traces are made.
    pub fn of_request(headers: &HeaderMap) -> Option<Self> {
        let tracer = &TRACING.get()?.tracer;
        let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
        let builder = tracer.span_builder("HTTP").with_kind(SpanKind::Server);
        let span = tracer.build_with_context(builder, &caller);
        Some(Self(caller.with_span(span)))
    }

    /// A part of the request for which this is called. `None` if that is not sampled.
    pub fn of_part(name: &'static str) -> Option<Self> {
        let tracer = &TRACING.get()?.tracer;
        let parent = current()?;
        let span = tracer.build_with_context(tracer.span_builder(name), &parent);
        Some(Self(parent.with_span(span)))
    }

    /// Does some work of which everything traced is a part of this span.
    pub async fn around<T>(&self, work: impl Future<Output = T>) -> T {
        work.with_context(self.0.clone()).await
    }

    /// The ids of the trace and of this span.
    pub fn ids(&self) -> (TraceId, SpanId) {
        let span = self.0.span();
        let context = span.span_context();
        (context.trace_id(), context.span_id())
    }

    pub fn is_sampled(&self) -> bool {
        self.0.span().is_recording()
    }

    pub fn rename(&self, name: String) {
        self.0.span().update_name(name);
    }

    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        self.0.span().set_attribute(KeyValue::new(key, value));
    }

    pub fn fail(&self) {
        self.0.span().set_status(Status::error(""));
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.0.span().end();
    }
}

/// The context of the request that is worked for, if it is sampled.
fn current() -> Option<Context> {
    Context::map_current(|context| context.span().is_recording().then(|| context.clone()))
}

/// Reads that serve several requests each. A read is a part of the last sampled request that has asked before it began; the
/// spans of the others link to that one.
#[derive(Default)]
pub struct SharedReads(Mutex<Option<Context>>);

/// The span that a shared read is a part of.
#[derive(Debug, Clone)]
pub struct ReadFor(Option<SpanContext>);

impl SharedReads {
    /// Asks for a read on behalf of a span.
    pub fn ask(&self, span: Option<&Span>) {
        if let Some(Span(context)) = span {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.clone());
        }
    }

    /// Reads, for those that have asked.
    pub async fn read<T>(&self, read: impl Future<Output = T>) -> (T, ReadFor) {
        let asked = TRACING
            .get()
            .and_then(|_| self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
        match asked {
            None => (read.await, ReadFor(None)),
            Some(context) => {
                let read_for = ReadFor(Some(context.span().span_context().clone()));
                // Boxed, so that those without a trace do not carry it.
                (Box::pin(read).with_context(context).await, read_for)
            }
        }
    }
}

impl fmt::Debug for SharedReads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SharedReads").finish_non_exhaustive()
    }
}

impl ReadFor {
    /// Links a span to the one that the read is a part of, if that is another.
    pub fn link(&self, span: Option<&Span>) {
        if let (Some(Span(context)), Some(read_for)) = (span, &self.0)
            && context.span().span_context() != read_for
        {
            context.span().add_link(read_for.clone(), Vec::new());
        }
    }
}

/// The headers of a request, as far as they are of a length that they may have.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let mut values = self.0.get_all(key).iter();
        let value = values.next()?.to_str().ok()?;
        // The library takes a sign for a digit, and reads the first of several.
        let mut is_trace = || {
            values.next().is_none()
                && value
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        };
        (value.len() <= MAX_HEADER_BYTES && (key != "traceparent" || is_trace())).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
}
