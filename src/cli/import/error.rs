//! The reasons why an import failed.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum ImportError {
    #[error("cannot open {path}", path = path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the input")]
    Read(#[source] io::Error),
    #[error("the input is compressed by {format}: gzip and zstd are read, unpack others first")]
    Compressed { format: &'static str },
    #[error("the thread that reads the input ended early")]
    Reader,
    #[error("cannot write {path}", path = path.display())]
    Rejects {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is the input itself: it would be overwritten", path = path.display())]
    OverInput { path: PathBuf },
    #[error("cannot access the state file {path}; choose another one with --state", path = path.display())]
    State {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not the state file of an import", path = path.display())]
    NotAState {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("--resume needs --state if the input is not a file")]
    NoState,
    #[error(
        "cannot resume: the first {offset} bytes of the input have changed. Without --resume it is imported from the \
         start"
    )]
    InputChanged { offset: u64 },
}
