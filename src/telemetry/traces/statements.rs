//! Statements as spans, from the events in which the driver reports each statement when it has ended.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, TraceContextExt, Tracer as _};
use opentelemetry::{Context, KeyValue};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{self, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::{TRACING, current};

/// The target of these events.
const TARGET: &str = "sqlx::query";

/// Makes a span of each statement of a sampled request. Its text has no values: they are its parameters.
pub struct Statements;

impl Statements {
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
        Self.with_filter(OfSampled)
    }
}

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let (Some(tracing), Some(parent)) = (TRACING.get(), current()) else {
            return;
        };
        let mut statement = Statement::default();
        event.record(&mut statement);
        let (builder, ended) = statement.into_span();
        let mut span = tracing.tracer.build_with_context(builder, &parent);
        span.end_with_timestamp(ended);
    }
}

/// Keeps the driver from composing events that nobody wants.
struct OfSampled;

impl<S> Filter<S> for OfSampled {
    fn enabled(&self, metadata: &Metadata<'_>, _: &layer::Context<'_, S>) -> bool {
        metadata.target() == TARGET && Context::map_current(|context| context.span().is_recording())
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == TARGET {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }
}

#[derive(Default)]
struct Statement {
    /// The first words.
    summary: String,
    /// Empty if the summary is all.
    text: String,
    rows: u64,
    elapsed: Duration,
}

impl Statement {
    /// The span, and when it ended.
    fn into_span(self) -> (SpanBuilder, SystemTime) {
        let summary = self.summary.trim_end_matches(" …").to_owned();
        let text = match self.text.trim() {
            "" => summary.clone(),
            text => text.to_owned(),
        };
        let ended = SystemTime::now();
        let attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", text),
            KeyValue::new("db.query.summary", summary.clone()),
            KeyValue::new(
                "db.response.returned_rows",
                i64::try_from(self.rows).unwrap_or(i64::MAX),
            ),
        ];
        let builder = SpanBuilder::from_name(summary)
            .with_kind(SpanKind::Client)
            .with_start_time(ended - self.elapsed)
            .with_attributes(attributes);
        (builder, ended)
    }
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.text),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "rows_returned" {
            self.rows = value;
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.elapsed = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
