//! Logs on stderr: readable text, or one JSON object a line. [`traces`] are sent elsewhere.

pub mod request;
pub mod traces;

use std::collections::HashMap;
use std::error::Error;
use std::fmt::{Debug, Write};
use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use self::request::RequestIds;
use self::traces::Statements;

/// How often the number of repeated events is logged.
const REPEATS_INTERVAL: Duration = Duration::from_secs(1);
/// Different events that are counted at a time. Others are logged each.
const MAX_REPEATED: usize = 256;
/// The target of events that are logged each, however often they repeat.
pub const AUDIT: &str = "task_status::audit";

/// The form of a log line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// `human` if stderr is a terminal, `json` otherwise
    #[default]
    Auto,
    /// Short text, coloured on a terminal
    Human,
    /// One JSON object a line, for machines
    Json,
    /// The same with `severity`, for Google Cloud Logging, which does not read `level`
    JsonSeverity,
}

impl LogFormat {
    /// Whether lines are text.
    pub fn is_human(self) -> bool {
        match self {
            Self::Auto => stderr().is_terminal(),
            Self::Human => true,
            Self::Json | Self::JsonSeverity => false,
        }
    }
}

/// Starts logging to stderr, panics included. Call once, at the start of the program.
pub fn start(format: LogFormat, filter: Targets) {
    let repeats = Repeats::default();
    let registry = tracing_subscriber::registry();
    if traces::is_started() {
        // Each layer has a filter of its own, since statements are traced that are not logged. It costs a little.
        let lines = lines(format).with_filter(repeats.clone()).with_filter(filter);
        registry.with(Statements::layer()).with(lines).init();
    } else {
        registry
            .with(filter)
            .with(repeats.clone())
            .with(lines(format))
            .init();
    }
    thread::spawn(move || {
        loop {
            thread::sleep(REPEATS_INTERVAL);
            repeats.log();
        }
    });
    std::panic::set_hook(Box::new(log_panic));
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = fmt::layer().with_writer(stderr);
    if format.is_human() {
        let is_coloured = stderr().is_terminal();
        return lines
            .with_target(false)
            .map_event_format(|inner| Line {
                inner: inner.with_ansi(is_coloured),
                format: LogFormat::Human,
            })
            .boxed();
    }
    lines
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .map_event_format(|inner| Line { inner, format })
        .boxed()
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    let error = panic.payload_as_str().unwrap_or_default();
    tracing::error!(location, error, "panic");
}

/// Adds to the lines of a format the ids of the request, and `severity` if it is asked for.
struct Line<F> {
    inner: F,
    /// `Human`, or else a format of JSON.
    format: LogFormat,
}

impl<S, N, F> FormatEvent<S, N> for Line<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let request = RequestIds::current();
        let mut ids = request.iter().flat_map(RequestIds::named);
        if self.format == LogFormat::Human {
            writer.write_str(line)?;
            ids.try_for_each(|(name, id)| write!(writer, " {name}={id}"))?;
            return writeln!(writer);
        }
        writer.write_char('{')?;
        if self.format == LogFormat::JsonSeverity {
            let severity = match *event.metadata().level() {
                Level::ERROR => "ERROR",
                Level::WARN => "WARNING",
                Level::INFO => "INFO",
                _ => "DEBUG",
            };
            write!(writer, r#""severity":"{severity}","#)?;
        }
        let fields = line.strip_prefix('{').and_then(|line| line.strip_suffix('}'));
        writer.write_str(fields.unwrap_or_default())?;
        if request.is_some() {
            writer.write_str(r#","span":{"#)?;
            ids.try_for_each(|(name, id)| write!(writer, r#""{name}":"{id}","#))?;
            writer.write_str(r#""name":"request"}"#)?;
        }
        writeln!(writer, "}}")
    }
}

/// Counts warnings and errors that repeat, in an outage for example, instead of logging each. The first of a kind is logged
/// as it is; once a second follows how often it was repeated, until a second passes without.
#[derive(Default, Clone)]
struct Repeats(Arc<Mutex<HashMap<Kind, Repeated>>>);

/// Events of one level with the same message, error and task.
type Kind = (Level, String);

struct Repeated {
    since: DateTime<Utc>,
    times: u64,
}

impl Repeats {
    /// Whether this event is the first of its kind.
    fn is_first(&self, kind: Kind) -> bool {
        let mut kinds = self.kinds();
        if let Some(repeated) = kinds.get_mut(&kind) {
            repeated.times += 1;
            return false;
        }
        if kinds.len() < MAX_REPEATED {
            let since = Utc::now();
            kinds.insert(kind, Repeated { since, times: 0 });
        }
        true
    }

    /// The kinds that were repeated since the last call.
    fn take(&self) -> Vec<(Kind, Repeated)> {
        let mut kinds = self.kinds();
        kinds.retain(|_, repeated| repeated.times > 0);
        kinds
            .iter_mut()
            .map(|(kind, Repeated { since, times })| {
                let times = std::mem::take(times);
                (kind.clone(), Repeated { since: *since, times })
            })
            .collect()
    }

    fn is_due(&self, event: &Event<'_>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN || [AUDIT, module_path!()].contains(&metadata.target()) {
            return true;
        }
        let mut text = Text::default();
        event.record(&mut text);
        self.is_first((*metadata.level(), text.0))
    }

    fn log(&self) {
        for ((level, event), Repeated { since, times }) in self.take() {
            let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
            if level == Level::ERROR {
                tracing::error!(times, since, event, "repeated");
            } else {
                tracing::warn!(times, since, event, "repeated");
            }
        }
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Kind, Repeated>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Repeats {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.is_due(event)
    }
}

/// The same for the layer of the lines alone.
impl<S> Filter<S> for Repeats {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        self.is_due(event)
    }
}

/// The text of an event: its message, the error, and the task it names. The other fields tell events of one kind apart.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if ["message", "error", "task"].contains(&field.name()) {
            let separator = if self.0.is_empty() { "" } else { ": " };
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{separator}{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// An error and its sources in one line; `Display` shows only the outermost.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Errors of some libraries repeat their cause.
        if !text.ends_with(&cause) {
            text += ": ";
            text += &cause;
        }
        source = error.source();
    }
    text
}

/// The reason for a state that lasts, such as an outage. It is logged when that begins, and when the reason changes.
#[derive(Debug, Default)]
pub struct Reason(String);

impl Reason {
    /// The error in one line, if it is another reason than the last one.
    pub fn news(&mut self, error: &dyn Error) -> Option<&str> {
        let reason = error_chain(error);
        if reason == self.0 {
            return None;
        }
        self.0 = reason;
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_repeats_is_counted() {
        let repeats = Repeats::default();
        let lines = Arc::new(Mutex::new(Vec::<u8>::new()));
        let sink = Arc::clone(&lines);
        let subscriber = tracing_subscriber::registry().with(repeats.clone()).with(
            fmt::layer()
                .with_ansi(false)
                .without_time()
                .with_target(false)
                .with_writer(move || Sink(Arc::clone(&sink))),
        );
        let take = || String::from_utf8(std::mem::take(&mut *lines.lock().expect("a lock"))).expect("text");
        tracing::subscriber::with_default(subscriber, || {
            for path in 0..100 {
                tracing::error!(path, error = "it is down", "failed");
                tracing::error!(path, error = "it is slow", "failed");
                tracing::warn!(path, "late");
            }
            assert_eq!(
                take(),
                "ERROR failed path=0 error=\"it is down\"\nERROR failed path=0 error=\"it is slow\"\n WARN late path=0\n"
            );
            tracing::error!(error = "it is down", "failed");
            repeats.log();
            let told = take();
            assert_eq!(told.lines().count(), 3, "{told}");
            for (times, event) in [(100, "it is down"), (99, "it is slow"), (99, "late")] {
                let is_told = |line: &str| line.contains(&format!("times={times} ")) && line.contains(event);
                assert!(told.lines().any(is_told), "{told}");
            }
            // It goes on.
            tracing::error!(error = "it is down", "failed");
            repeats.log();
            assert_eq!(take().matches("times=1 ").count(), 1);
            // A second without: the next one is the first again.
            repeats.log();
            assert_eq!(take(), "");
            tracing::error!(error = "it is down", "failed");
            assert_eq!(take(), "ERROR failed error=\"it is down\"\n");
            // The audit and other events are logged each.
            for _ in 0..3 {
                tracing::warn!(target: AUDIT, "refused");
                tracing::info!("answered");
            }
            assert_eq!(take().lines().count(), 6);
        });
    }

    #[test]
    fn a_panic_is_one_line_without_a_key_twice() {
        let lines = Arc::new(Mutex::new(Vec::<u8>::new()));
        let sink = Arc::clone(&lines);
        let json = fmt::layer().with_writer(move || Sink(Arc::clone(&sink))).json();
        let json = json
            .flatten_event(true)
            .with_current_span(false)
            .map_event_format(|inner| Line {
                inner,
                format: LogFormat::JsonSeverity,
            });
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json), || {
            let request = RequestIds {
                tracking_id: Uuid::nil().simple(),
                trace: None,
            };
            let panicking = async { std::panic::catch_unwind(|| std::panic::panic_any("it is broken")) };
            let panicked = request.around(panicking).now_or_never();
            assert!(panicked.is_some_and(|result| result.is_err()));
        });
        std::panic::set_hook(hook);
        let line = String::from_utf8(lines.lock().expect("a lock").clone()).expect("text");
        let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(read.to_string(), line.trim_end());
        assert_eq!(read["message"], "panic");
        assert_eq!(read["error"], "it is broken");
        assert_eq!(read["severity"], "ERROR");
        let span = serde_json::json!({ "trackingId": "0".repeat(32), "name": "request" });
        assert_eq!(read["span"], span);
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
