//! Logs: for people on a terminal, one JSON object a line otherwise.

use std::error::Error;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// The form of a log line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// `human` where stderr is a terminal, `json` otherwise
    #[default]
    Auto,
    /// Short and coloured, for reading
    Human,
    /// One JSON object a line, for machines
    Json,
}

/// Starts logging to stderr. Panics are logged like everything else. Call once, at the start of the program.
pub fn start(format: LogFormat, filter: EnvFilter) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(stderr);
    let human = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    if human {
        builder
            .with_target(false)
            .with_ansi(stderr().is_terminal())
            .init();
    } else {
        builder.json().flatten_event(true).with_span_list(false).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or_default();
        tracing::error!(location, message, "panic");
    }));
}

/// An error and its sources in one line; by itself a log line has only the outermost.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        // Some libraries' errors repeat their cause.
        if !text.ends_with(&cause) {
            text += ": ";
            text += &cause;
        }
        source = error.source();
    }
    text
}
