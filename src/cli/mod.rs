//! The subcommands, one file or folder each.

pub mod args;
pub mod completions;
pub mod demo;
mod descriptors;
pub mod export;
pub mod healthcheck;
pub mod import;
mod maintenance;
pub mod man;
pub mod migrate;
pub mod openapi;
pub mod pending;
mod progress;
pub mod prune;
pub mod serve;
mod socket;
mod systemd;
pub mod token;
pub mod verify;
pub mod version;

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use thiserror::Error;

use crate::cli::args::{Command, ConfigError};
use crate::http::tls::TlsError;
use crate::store::StoreError;
use crate::telemetry::traces::TraceError;

/// The exit status if a signal stopped a command before its end, as in shells for SIGINT.
const STOPPED: u8 = 130;

/// The reason why a command failed.
#[derive(Debug, Error)]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("cannot use the sockets that were passed: each must be a TCP socket that listens")]
    Sockets(#[source] io::Error),
    #[error("the server failed")]
    Server(#[source] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Traces(#[from] TraceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    PrivatePostgres(#[from] private_postgres::Error),
    #[error("cannot create the database of the demo")]
    DemoDatabase(#[source] sqlx::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot write the manual pages")]
    Manual(#[source] io::Error),
    #[error("a background task of the program ended early")]
    Task(#[from] tokio::task::JoinError),
    #[error("the service at {address} is not ready")]
    NotReady {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Import(#[from] import::ImportError),
    #[error(transparent)]
    Export(#[from] export::ExportError),
    #[error(transparent)]
    Pending(#[from] pending::PendingError),
    #[error(transparent)]
    Token(#[from] token::TokenError),
    #[error("another process is already deleting old tasks and will delete the rest")]
    PruneElsewhere,
    #[error(
        "nothing was deleted: more than half of all tasks would be, and {kept} would be left. Check the database's clock \
         and --older-than, then add --confirm"
    )]
    PruneUnconfirmed { kept: i64 },
}

/// Runs a subcommand and returns the exit status.
pub async fn run(command: Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Serve(args) => Box::pin(serve::run(*args)).await,
        Command::Demo(args) => Box::pin(demo::run(args)).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Import(args) => return import::run(args).await,
        Command::Export(args) => return export::run(args).await,
        Command::Prune(args) => Box::pin(prune::run(args)).await,
        Command::Verify(args) => return verify::run(args).await,
        Command::Pending(args) => return Box::pin(pending::run(args)).await,
        Command::Healthcheck(args) => healthcheck::run(args).await,
        Command::Token(args) => token::run(&args),
        Command::Openapi(args) => openapi::run(&args),
        Command::Version(args) => version::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Prints a result. If nobody reads it to its end, as in `... | head -1`, the exit status is enough.
fn print(result: impl Display) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    match write!(stdout, "{result}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::Output(error)),
        _ => Ok(()),
    }
}

/// Whether a path means standard input or output.
fn is_standard_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Creates a file beside one that the user has named. What has its name is removed first: a link could lead to a foreign
/// file.
fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::create_new(path),
    }
}
