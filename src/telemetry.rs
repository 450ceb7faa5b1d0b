//! Logs on stderr: readable text, or one JSON object a line.

use std::error::Error;
use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

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
}

/// Starts logging to stderr, panics included. Call once, at the start of the program.
pub fn start(format: LogFormat, filter: Targets) {
    let lines = fmt::layer().with_writer(stderr);
    let human = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = if human {
        lines.with_target(false).with_ansi(stderr().is_terminal()).boxed()
    } else {
        lines.json().flatten_event(true).with_span_list(false).boxed()
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or_default();
        tracing::error!(location, message, "panic");
    }));
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
