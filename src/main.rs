//! Parses the command line and runs one command.

use std::env;
use std::error::Error;
use std::ffi::OsStr;
use std::io;
use std::iter::once;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use clap::Parser;
use task_status::cli::args::{Cli, Logging};
use task_status::cli::{self, CommandError};
use task_status::telemetry::{self, LogFormat, error_chain, traces};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use tikv_jemallocator::Jemalloc;
use tracing::Level;
use tracing_subscriber::filter::Targets;

/// Faster than the allocator of glibc, and its threads give back what a burst took (`bench/NOTES.md`). It has to know the
/// size of the system's memory pages when it is built, which differs among systems on other processors.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// The exit status after a command line that cannot be parsed.
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = without_empty_settings() {
        eprintln!(
            "error: cannot start again without the variables that are empty: unset them\n  because: {error}"
        );
        return ExitCode::FAILURE;
    }
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error),
    };
    let format = cli.logging.log_format;
    let traces = cli.traces();
    let traces = traces.and_then(|settings| settings.map_or(Ok(()), traces::start));
    telemetry::start(format, cli.logging.log);
    let Some(command) = cli.command else {
        return ExitCode::SUCCESS;
    };
    let ended = match traces {
        Ok(()) => cli::run(command).await,
        Err(error) => Err(error.into()),
    };
    traces::stop().await;
    match ended {
        Ok(status) => status,
        Err(error) => {
            log_end(format, &error_chain(&error), || print(&error));
            ExitCode::FAILURE
        }
    }
}

/// An empty variable counts as missing: templates of deployments leave them behind. The driver of the database and the
/// reader of root certificates read variables too, and a process cannot safely unset its own: it starts again without
/// them, as the same process.
fn without_empty_settings() -> io::Result<()> {
    let is_setting = |name: &OsStr| {
        let name = name.to_string_lossy();
        [
            "TASK_STATUS_",
            "DATABASE_URL",
            "READ_DATABASE_URL",
            "PG",
            "SSL_CERT_",
            "OTEL_",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    };
    let mut empty = env::vars_os()
        .filter(|(name, value)| value.is_empty() && is_setting(name))
        .peekable();
    if empty.peek().is_none() {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let mut again = Command::new(env::current_exe()?);
    again.arg0(arguments.next().unwrap_or_default()).args(arguments);
    for (name, _) in empty {
        again.env_remove(name);
    }
    Err(again.exec())
}

fn parse() -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse()?;
    if cli.command.is_some() {
        return Ok(cli);
    }
    Cli::try_parse_from(env::args_os().chain(once("demo".into())))
}

/// Prints help, or says what is wrong with the command line or a variable.
fn not_parsed(error: &clap::Error) -> ExitCode {
    let format = Logging::format_at_least();
    if !error.use_stderr() || format.is_human() {
        let ended = u8::try_from(error.exit_code()).unwrap_or(USAGE);
        return match error.print() {
            // A reader that has seen enough, such as `head`.
            Err(failed) if failed.kind() != io::ErrorKind::BrokenPipe => {
                print(&CommandError::Output(failed));
                ExitCode::FAILURE
            }
            _ => ExitCode::from(ended),
        };
    }
    telemetry::start(format, Targets::new().with_default(Level::ERROR));
    let text = error.to_string();
    log_end(format, text.trim_start_matches("error: ").trim_end(), || ());
    ExitCode::from(USAGE)
}

/// Says why the program ends: as a line of the log if that is JSON, else as text.
fn log_end(format: LogFormat, error: &str, print: impl FnOnce()) {
    // The filter of the log does not hide the reason.
    if format.is_human() || !tracing::enabled!(Level::ERROR) {
        print();
    } else {
        tracing::error!(error, "the program ends");
    }
}

fn print(error: &dyn Error) {
    let mut shown = error.to_string();
    eprintln!("error: {shown}");
    let mut source = error.source();
    while let Some(cause) = source {
        // Errors of some libraries repeat their cause.
        if !shown.contains(&cause.to_string()) {
            shown = cause.to_string();
            eprintln!("  because: {shown}");
        }
        source = cause.source();
    }
}
