//! What can go wrong, in words that say what to do about it.
//!
//! A message speaks for its own layer only; the cause is in `source()`.

use std::io;
use std::path::PathBuf;

use super::fetch::FetchError;
use super::find::OLDEST_MAJOR;

/// Why a private PostgreSQL could not be started, kept or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither an installed PostgreSQL nor one from pip.
    #[error("{}", no_postgres(looked_in))]
    NoPostgres {
        /// Every place that was searched, for the user to compare with where theirs is.
        looked_in: String,
        /// Why pip could not provide one either.
        source: Box<FetchError>,
    },
    /// The folder the user named does not hold a usable PostgreSQL.
    #[error(
        "{named_by} names {}, but {problem}; it must be a folder with the programs `initdb` and `postgres` \
         of PostgreSQL {OLDEST_MAJOR} or newer",
        dir.display()
    )]
    BinDir {
        /// Who named it: the setting or the environment variable.
        named_by: &'static str,
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// PostgreSQL refuses to run as root and there is nobody else to run it as.
    #[error(
        "cannot run a private PostgreSQL as root: there is neither an account `postgres` nor \
         `nobody` to run it as. Run as an ordinary user instead, or use a server you already have \
         (DATABASE_URL)"
    )]
    NoAccount,
    /// A folder on the way is closed to the account the server runs as.
    #[error(
        "PostgreSQL refuses to run as root, so it runs as the account `{account}`, which cannot enter {}: \
         choose a place outside of {} for {}",
        blocker.display(), blocker.display(), path.display()
    )]
    ClosedToAccount {
        /// What the account has to reach.
        path: PathBuf,
        /// The folder that keeps it out.
        blocker: PathBuf,
        /// The account.
        account: String,
    },
    /// The folder has other things in it, and would be given to the server.
    #[error(
        "{} is not a data folder of this program: it contains `{entry}`. Name a new or empty folder",
        path.display()
    )]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// The first thing in it that this program did not put there.
        entry: String,
    },
    /// Another process holds the folder.
    #[error(
        "another process (pid {pid}) already uses the PostgreSQL in {}: stop it, or choose another \
         data folder",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process that holds it.
        pid: u32,
    },
    /// The server of a process that died does not come to its end.
    #[error(
        "the PostgreSQL in {} belongs to a process that is gone, and did not stop within {seconds} s",
        path.display()
    )]
    StillStopping {
        /// The folder.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The kept data was made by another major version.
    #[error(
        "the data in {} was made by PostgreSQL {found}, but the programs in {} are PostgreSQL {programs}: \
         point PG_BIN_DIR at PostgreSQL {found}, or choose another data folder",
        path.display(), bin_dir.display()
    )]
    OtherVersion {
        /// The cluster's folder.
        path: PathBuf,
        /// What its `PG_VERSION` says.
        found: String,
        /// The major version at hand.
        programs: u32,
        /// Where that is.
        bin_dir: PathBuf,
    },
    /// `initdb` refused.
    #[error("`initdb` could not make a database cluster ({status}). It said:\n{output}")]
    Initdb {
        /// How it ended.
        status: String,
        /// What it printed.
        output: String,
    },
    /// The server ended, or hung, before it was ready.
    #[error("PostgreSQL did not start ({status}). The end of its log:\n{log_tail}")]
    NotStarted {
        /// How it ended, or how long was waited.
        status: String,
        /// The end of its log.
        log_tail: String,
    },
    /// The server ended although nobody asked it to.
    #[error("PostgreSQL (pid {pid}) ended unexpectedly ({status}). The end of its log:\n{log_tail}")]
    Exited {
        /// The server's process.
        pid: u32,
        /// How it ended.
        status: String,
        /// The end of its log.
        log_tail: String,
    },
    /// The server survived every way of ending it.
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
        /// Why.
        source: io::Error,
    },
    /// The system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: the attempted action and its object, with the system's answer as the source.
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

Looked in: {looked_in}"
    )
}
