//! The folder of a private cluster: its permissions, and the lock that keeps it to one process.
//!
//! ```text
//! data       the cluster                         lock      held while the cluster is in use
//! data.new   a cluster that initdb creates now   log       the log of the server
//! s          the server's socket                 log.old   the log of the start before
//! ```

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use rustix::fs::OFlags;

use super::Error;
use super::account::Account;
use super::guard::{Guard, Line};
use super::process::{lives, wait_until};

/// The names that may be in the folder.
const OURS: [&str; 6] = ["data", "data.new", "s", "lock", "log", "log.old"];

/// The longest path of the folder: `/s/.s.PGSQL.5432.lock` must fit in the 104 bytes of a socket path on macOS (108 on
/// Linux).
const MAX_PATH_BYTES: usize = 80;

/// The longest time for the server of a dead process to stop: that of the guard and a bit more.
const STOP_TIMEOUT: Duration = Duration::from_secs(45);

/// Opens no symbolic link: it could lead to a foreign file.
pub(super) const NO_LINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// The folder, locked.
#[derive(Debug)]
pub(super) struct Folder {
    home: PathBuf,
    temporary: bool,
    sockets: PathBuf,
    account: Account,
    /// `None` once the folder is closed.
    guard: Option<Guard>,
    /// Shared with the guard: the folder stays locked until both have ended.
    _lock: File,
}

impl Folder {
    /// Opens the folder of a kept cluster (`Some`) or creates a temporary one, removed when closed.
    pub(super) fn open(kept: Option<&Path>, account: Account) -> Result<Self, Error> {
        let home = match kept {
            Some(home) => prepare_kept(home, &account)?,
            None => create_temporary(&account)?,
        };
        let locked = lock(&home).and_then(|lock| {
            let (sockets, apart) = sockets(&home, &account)?;
            let mut remove = Vec::new();
            remove.extend(apart.then_some(sockets.as_path()));
            remove.extend(kept.is_none().then_some(home.as_path()));
            let guard = Guard::start(&lock, &remove)?;
            Ok((sockets, guard, lock))
        });
        match locked {
            Ok((sockets, guard, lock)) => Ok(Self {
                home,
                temporary: kept.is_none(),
                sockets,
                account,
                guard: Some(guard),
                _lock: lock,
            }),
            Err(error) => {
                if kept.is_none() {
                    let _ = remove_folder(&home);
                }
                Err(error)
            }
        }
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// The owner of its content.
    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    /// The cluster, PostgreSQL's data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// The folder of the server's socket.
    pub(super) fn sockets(&self) -> &Path {
        &self.sockets
    }

    /// The log of the server.
    pub(super) fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    /// The line to the guard.
    pub(super) fn line(&self) -> Option<Line> {
        self.guard.as_ref().map(Guard::line)
    }

    /// Starts an empty log and keeps the last one as `log.old`.
    pub(super) fn new_log(&self) -> Result<File, Error> {
        let log = self.log();
        // Fails at the first start.
        let _ = fs::rename(&log, self.home.join("log.old"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&log);
        file.map_err(Error::io("create", log))
    }

    /// The end of the log.
    pub(super) fn log_tail(&self) -> String {
        log_tail(&self.log())
    }

    /// Removes the socket and a temporary folder, and unlocks it.
    pub(super) fn close(mut self) -> Result<(), Error> {
        self.cleanup()
    }

    fn cleanup(&mut self) -> Result<(), Error> {
        let Some(guard) = self.guard.take() else {
            return Ok(());
        };
        let sockets = remove_folder(&self.sockets);
        let home = if self.temporary {
            remove_folder(&self.home)
        } else {
            Ok(())
        };
        drop(guard);
        sockets.and(home)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = self.cleanup();
    }
}

/// The last lines of a log.
pub(super) fn log_tail(log: &Path) -> String {
    const LINES: usize = 20;
    const BYTES: u64 = 16 * 1024;
    let mut bytes = Vec::new();
    // An unreadable log must not hide the error that it belongs to.
    let _ = File::open(log).and_then(|mut file| {
        let start = file.metadata()?.len().saturating_sub(BYTES);
        file.seek(SeekFrom::Start(start))?;
        file.read_to_end(&mut bytes)
    });
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(LINES)..].join("\n");
    if tail.is_empty() {
        "(it is empty)".to_owned()
    } else {
        tail
    }
}

fn prepare_kept(home: &Path, account: &Account) -> Result<PathBuf, Error> {
    let home = std::path::absolute(home).map_err(Error::io("find", home))?;
    let (Some(parent), Some(name)) = (home.parent(), home.file_name()) else {
        let entry = "the whole file system".to_owned();
        return Err(Error::ForeignFolder { path: home, entry });
    };
    // Checked before anything is created, so that an error leaves nothing behind.
    if let Some(there) = parent
        .ancestors()
        .find_map(|ancestor| fs::canonicalize(ancestor).ok())
    {
        account.check_can_enter(&there, &home)?;
    }
    fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
    let parent = fs::canonicalize(parent).map_err(Error::io("find", parent))?;
    account.check_can_enter(&parent, &home)?;
    let home = parent.join(name);

    let created = DirBuilder::new().mode(0o700).create(&home);
    match created {
        Ok(()) => account.admit(&home)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            check_owner(&home, account)?;
            let mut entries = fs::read_dir(&home).map_err(Error::io("read", &home))?.flatten();
            let foreign = entries.find(|entry| !OURS.iter().any(|ours| entry.file_name() == *ours));
            if let Some(entry) = foreign {
                let entry = entry.file_name().to_string_lossy().into_owned();
                return Err(Error::ForeignFolder { path: home, entry });
            }
            for entry in OURS {
                check_owner(&home.join(entry), account)?;
            }
            if !home.join("data").exists() {
                account.admit(&home)?;
            }
        }
        Err(error) => return Err(Error::io("create the folder", home)(error)),
    }
    let home = fs::canonicalize(&home).map_err(Error::io("find", &home))?;
    account.check_can_enter(&home, &home)?;
    Ok(home)
}

/// Refuses a link, and what belongs to another account, of which either could lead the program to foreign files. What is
/// missing is fine.
fn check_owner(path: &Path, account: &Account) -> Result<(), Error> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("inspect", path)(error)),
    };
    let owners = [account.uid(), rustix::process::geteuid().as_raw()];
    if meta.is_symlink() || !owners.contains(&meta.uid()) {
        return Err(Error::NotOurs {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn create_temporary(account: &Account) -> Result<PathBuf, Error> {
    let default = env::temp_dir();
    // TMPDIR may be closed to the account, or so long that the socket would need another folder.
    let parent = fs::canonicalize(&default)
        .ok()
        .filter(|dir| account.check_can_enter(dir, dir).is_ok())
        .filter(|dir| dir.as_os_str().len() + 40 <= MAX_PATH_BYTES)
        .unwrap_or_else(|| PathBuf::from("/tmp"));
    account.check_can_enter(&parent, &parent)?;
    let home = tempfile::Builder::new()
        .prefix(&format!("task-status-{}-", process::id()))
        .tempdir_in(&parent)
        .map_err(Error::io("create a folder in", &parent))?
        .keep();
    account.admit(&home).map(|()| home)
}

/// Locks the folder. Waits for the server of a dead process, but not for a living process.
fn lock(home: &Path) -> Result<File, Error> {
    let path = home.join("lock");
    let lock = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(NO_LINK)
        .open(&path);
    let mut lock = lock.map_err(Error::io("open", &path))?;
    let mut outcome = None;
    wait_until(STOP_TIMEOUT, || {
        outcome = match lock.try_lock() {
            Ok(()) => Some(Ok(())),
            Err(TryLockError::Error(error)) => Some(Err(Error::io("lock", &path)(error))),
            // No pid: its holder has locked the file, but not written to it yet.
            Err(TryLockError::WouldBlock) => fs::read_to_string(&path)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .filter(|pid| lives(*pid))
                .map(|pid| {
                    Err(Error::InUse {
                        path: home.to_owned(),
                        pid,
                    })
                }),
        };
        outcome.is_some()
    });
    let seconds = STOP_TIMEOUT.as_secs();
    outcome.unwrap_or_else(|| {
        Err(Error::StillStopping {
            path: home.to_owned(),
            seconds,
        })
    })?;
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", process::id()))
        .map_err(Error::io("write", &path))?;
    Ok(lock)
}

/// Creates the folder for the socket. True if it is outside `home`, since no socket can be reached there: the path is too
/// long, or libpq would take the comma in it for the end of a host name.
fn sockets(home: &Path, account: &Account) -> Result<(PathBuf, bool), Error> {
    let path = home.as_os_str().as_bytes();
    let apart = path.len() > MAX_PATH_BYTES || path.contains(&b',');
    let sockets = if apart {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        PathBuf::from(format!(
            "/tmp/task-status-{}-{:016x}",
            account.uid(),
            hasher.finish()
        ))
    } else {
        home.join("s")
    };
    match account.create_folder(&sockets) {
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            // In /tmp another account could have made it.
            let meta = fs::symlink_metadata(&sockets).map_err(Error::io("inspect", &sockets))?;
            let private = meta.permissions().mode() & 0o777 == 0o700;
            if !meta.is_dir() || meta.uid() != account.uid() || !private {
                let source = io::Error::other("it belongs to another account or is not private");
                return Err(Error::io("use the folder", sockets)(source));
            }
        }
        other => other?,
    }
    Ok((sockets, apart))
}

/// Removes a folder that a stopping server may still write to.
fn remove_folder(path: &Path) -> Result<(), Error> {
    let mut outcome = Ok(());
    wait_until(Duration::from_secs(5), || {
        outcome = fs::remove_dir_all(path);
        match &outcome {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                outcome = Ok(());
                true
            }
            Err(_) => false,
            Ok(()) => true,
        }
    });
    outcome.map_err(Error::io("remove the folder", path))
}
