//! Why an import could not run, or not to its end.

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
    #[error("the input cannot be read")]
    Read(#[source] io::Error),
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
    #[error("cannot keep the place in {path}; --state names another file", path = path.display())]
    State {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not the state of an import", path = path.display())]
    NotAState {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("--resume needs --state where the input is not a file")]
    NoState,
    #[error(
        "the input is not the one that was interrupted: its first {offset} bytes have changed. \
         Without --resume it is imported from the start"
    )]
    InputChanged { offset: u64 },
}
