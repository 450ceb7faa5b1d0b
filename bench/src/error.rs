//! Why a comparison cannot be made, or must not.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Anything that ends the run.
#[derive(Debug, Error)]
pub enum Error {
    #[error("could not {what}")]
    Io {
        /// The attempt, as an infinitive.
        what: String,
        #[source]
        source: io::Error,
    },
    #[error("the database refused a statement")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Postgres(#[from] private_postgres::Error),
    #[error(transparent)]
    Store(#[from] task_status::store::StoreError),
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
    #[error("{program} failed ({status}): {output}")]
    Program {
        program: String,
        status: String,
        output: String,
    },
    #[error("{program} printed something else than figures: {output}")]
    NoFigures { program: String, output: String },
    #[error("{who} ended, or did not answer in time; its log is {}", log.display())]
    NotReady { who: &'static str, log: PathBuf },
    #[error("{who} could not be asked for {target}")]
    NoAnswer {
        who: &'static str,
        target: String,
        #[source]
        source: hyper::Error,
    },
    #[error("{who} does not answer as the service does, so there is nothing to compare: {target}: {why}")]
    OtherAnswer {
        who: &'static str,
        target: String,
        why: String,
    },
    #[error("another run is under way on this machine: each would measure the other")]
    AnotherRun,
    #[error("the run was interrupted")]
    Interrupted,
}

impl Error {
    /// For `map_err`: what was tried, as an infinitive.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
