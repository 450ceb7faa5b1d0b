//! Errors that end a run.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

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
    #[error("{program} printed no figures: {output}")]
    NoFigures { program: String, output: String },
    #[error("{server} ended or did not respond in time; its log is {}", log.display())]
    NotReady { server: &'static str, log: PathBuf },
    #[error("{server} did not respond to {target}")]
    NoAnswer {
        server: &'static str,
        target: String,
        #[source]
        source: hyper::Error,
    },
    #[error("{server} does not respond as the service does: {target}: {why}")]
    OtherAnswer {
        server: &'static str,
        target: String,
        why: String,
    },
    #[error("another run is in progress on this machine")]
    AnotherRun,
    #[error("the run was interrupted")]
    Interrupted,
}

impl Error {
    /// For `map_err`, with the attempt as an infinitive.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
