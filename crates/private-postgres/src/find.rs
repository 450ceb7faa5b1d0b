//! Finds the programs of an installed PostgreSQL; its service need not run.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::Account;
use super::process::run;
use super::{Error, cache};

/// The oldest major version that is looked at; `initdb --no-instructions` is of this one.
pub const OLDEST_MAJOR: u32 = 14;

/// Folders that packages install to, with the part of the name that holds the version.
const PACKAGED: [(&str, &str, &str); 8] = [
    // Debian, Ubuntu
    ("/usr/lib/postgresql", "", "bin"),
    // PostgreSQL's own packages for Red Hat and its kin
    ("/usr", "pgsql-", "bin"),
    // SUSE
    ("/usr/lib", "postgresql", "bin"),
    // Homebrew: Apple silicon, Intel, Linux
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    // Postgres.app
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    // the installer of EDB, on macOS
    ("/Library/PostgreSQL", "", "bin"),
];

/// The programs of one PostgreSQL, all from one folder.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Holds `initdb` and `postgres`.
    pub bin_dir: PathBuf,
    /// As `postgres --version` tells it: `15.14`, `18beta1`.
    pub version: String,
    /// The part that decides which data it can read.
    pub major: u32,
}

impl Installation {
    /// A program of this installation.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

/// The PostgreSQL to use: the explicit folder, else `PG_BIN_DIR`, else the first that is found;
/// among several found, one of major version `wanted`, which made the data that is there.
pub(super) fn find(
    explicit: Option<&Path>,
    account: &Account,
    wanted: Option<u32>,
) -> Result<Option<Installation>, Error> {
    let from_env = env::var_os("PG_BIN_DIR")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from);
    let named = explicit
        .map(|dir| ("the setting for PostgreSQL's programs", dir.to_owned()))
        .or_else(|| from_env.map(|dir| ("PG_BIN_DIR", dir)));
    if let Some((named_by, dir)) = named {
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        // Whoever names a folder wants that one: falling back to another would only surprise.
        return match probe(&dir, account) {
            Ok(found) => Ok(Some(found)),
            Err(Unusable::Closed(error)) => Err(error),
            Err(Unusable::Because(problem)) => Err(Error::BinDir {
                named_by,
                dir,
                problem,
            }),
        };
    }

    let mut first = None;
    for dir in candidates(account) {
        let Ok(found) = probe(&dir, account) else {
            continue;
        };
        if wanted.is_none_or(|major| major == found.major) {
            return Ok(Some(found));
        }
        first.get_or_insert(found);
    }
    Ok(first)
}

/// Why a folder is passed over.
enum Unusable {
    Because(String),
    Closed(Error),
}

/// Checks a folder, following the links to the place where the programs really are together.
pub(super) fn installation(dir: &Path, account: &Account) -> Option<Installation> {
    probe(dir, account).ok()
}

fn probe(dir: &Path, account: &Account) -> Result<Installation, Unusable> {
    let because = |problem: &str| Unusable::Because(problem.to_owned());
    let initdb = fs::canonicalize(dir.join("initdb"))
        .map_err(|error| Unusable::Because(format!("`initdb` there cannot be used: {error}")))?;
    let bin_dir = initdb
        .parent()
        .ok_or_else(|| because("`initdb` there has no folder"))?;
    let postgres = bin_dir.join("postgres");
    if !postgres.is_file() {
        return Err(because("there is an `initdb` but no `postgres` beside it"));
    }
    account
        .check_can_enter(bin_dir, bin_dir)
        .map_err(Unusable::Closed)?;

    let finished = run(
        account.command(&postgres).arg("--version"),
        Duration::from_secs(10),
    )
    .map_err(|error| match error {
        Error::Run { source, .. } => Unusable::Because(format!("`postgres` there does not run: {source}")),
        other => Unusable::Closed(other),
    })?;
    let Some((version, major)) = parse_version(&finished.output) else {
        let said = finished.output.trim();
        return Err(Unusable::Because(format!(
            "`postgres --version` there says `{said}`"
        )));
    };
    if major < OLDEST_MAJOR {
        return Err(Unusable::Because(format!("that is PostgreSQL {version}")));
    }
    Ok(Installation {
        bin_dir: bin_dir.to_owned(),
        version,
        major,
    })
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15.14, major 15.
fn parse_version(output: &str) -> Option<(String, u32)> {
    let version = output.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?;
    let major = version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()?;
    Some((version.to_owned(), major))
}

/// Every folder worth a look, best first.
fn candidates(account: &Account) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<_> = env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    dirs.extend(
        PACKAGED
            .iter()
            .flat_map(|(parent, prefix, bin)| packaged(parent, prefix, bin)),
    );
    // One that was fetched at an earlier start.
    dirs.extend(fetched(account));
    dirs.retain(|dir| dir.join("initdb").exists());
    dirs
}

/// The folders `<parent>/<prefix><version>/<bin>`, newest first.
fn packaged(parent: &str, prefix: &str, bin: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name
                .to_str()?
                .strip_prefix(prefix)?
                .split('.')
                .next()?
                .parse()
                .ok()?;
            Some((version, entry.path().join(bin)))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(*version));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// The programs that were fetched at an earlier start, or the place for them.
fn fetched(account: &Account) -> Option<PathBuf> {
    cache::folder(account).map(|cache| cache::programs(&cache::package(&cache)))
}

/// Where [`find`] looks, for the message that says it found nothing.
pub(super) fn looked_in(account: &Account) -> String {
    let mut places = vec!["PG_BIN_DIR (not set)".to_owned(), "PATH".to_owned()];
    places.extend(
        PACKAGED
            .iter()
            .map(|(parent, prefix, bin)| format!("{parent}/{prefix}*/{bin}")),
    );
    places.extend(fetched(account).map(|dir| dir.display().to_string()));
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_of_packages_betas_and_development_builds() {
        let parse = |text| parse_version(text).map(|(version, major)| format!("{version}={major}"));
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n";
        assert_eq!(parse(debian).as_deref(), Some("15.14=15"));
        assert_eq!(
            parse("postgres (PostgreSQL) 18beta1\n").as_deref(),
            Some("18beta1=18")
        );
        assert_eq!(
            parse("postgres (PostgreSQL) 19devel\n").as_deref(),
            Some("19devel=19")
        );
        assert_eq!(parse("version command not found"), None);
    }
}
