//! The subcommands, one file or folder each.

pub mod demo;
pub mod healthcheck;
pub mod migrate;
pub mod serve;

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::config::{Command, ConfigError};
use crate::postgres;
use crate::store::StoreError;

/// Why a command did not do what it was asked.
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
    #[error("the server failed")]
    Server(#[source] io::Error),
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    PrivatePostgres(#[from] postgres::Error),
    #[error("cannot make the demo's database")]
    DemoDatabase(#[source] sqlx::Error),
    #[error("a task of the program ended early")]
    Task(#[from] tokio::task::JoinError),
    #[error("{address} does not say that it is ready")]
    NotReady {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// Runs a subcommand to its end.
///
/// # Errors
/// See [`CommandError`].
pub async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Healthcheck(args) => healthcheck::run(args).await,
    }
}
