//! Finds the programs of an installed PostgreSQL; its service need not run.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::Account;
use super::process::run;
use super::{Error, cache};

/// The oldest supported major version: the first with `initdb --no-instructions`.
pub const OLDEST_MAJOR: u32 = 14;

/// Folders that packages install to, with the prefix of the version in the name.
const PACKAGED: [(&str, &str); 8] = [
    // Debian, Ubuntu
    ("/usr/lib/postgresql", ""),
    // PostgreSQL's own packages for Red Hat and relatives
    ("/usr", "pgsql-"),
    // SUSE
    ("/usr/lib", "postgresql"),
    // Homebrew: Apple silicon, Intel, Linux
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
    // Postgres.app
    ("/Applications/Postgres.app/Contents/Versions", ""),
    // EDB installer on macOS
    ("/Library/PostgreSQL", ""),
];

/// The programs of one PostgreSQL, all from one folder.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Holds `initdb` and `postgres`.
    pub bin_dir: PathBuf,
    /// From `postgres --version`: `15.14`, `18beta1`.
    pub version: String,
    /// The major version: it can only read data of the same one.
    pub major: u32,
}

impl Installation {
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

/// The PostgreSQL to use: the explicit folder, else `PG_BIN_DIR`, else an installed one. Among several installed ones,
/// the first with the major version `wanted`, that of existing data, or else the first.
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
        // A folder that was named explicitly is never replaced by another one.
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

/// The reason why a folder is skipped.
enum Unusable {
    Because(String),
    Closed(Error),
}

/// The installation in a folder, if it is usable.
pub(super) fn installation(dir: &Path, account: &Account) -> Option<Installation> {
    probe(dir, account).ok()
}

/// Checks a folder. Follows links to the folder that has all programs.
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

/// Folders with an `initdb`, in order of preference.
fn candidates(account: &Account) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<_> = env::split_paths(&path).filter(|dir| dir.is_absolute()).collect();
    dirs.extend(
        PACKAGED
            .iter()
            .flat_map(|(parent, prefix)| packaged(parent, prefix)),
    );
    dirs.extend(fetched(account));
    dirs.retain(|dir| dir.join("initdb").exists());
    dirs
}

/// The folders `<parent>/<prefix><version>/bin`, newest first.
fn packaged(parent: &str, prefix: &str) -> Vec<PathBuf> {
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
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(*version));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// The folder of the programs fetched at an earlier start; it may not exist.
fn fetched(account: &Account) -> Option<PathBuf> {
    cache::folder(account).map(|cache| cache::programs(&cache::package(&cache)))
}

/// The folders searched by [`find`], for the error message.
pub(super) fn looked_in(account: &Account) -> String {
    let mut folders = vec!["PG_BIN_DIR (not set)".to_owned(), "PATH".to_owned()];
    folders.extend(
        PACKAGED
            .iter()
            .map(|(parent, prefix)| format!("{parent}/{prefix}*/bin")),
    );
    folders.extend(fetched(account).map(|dir| dir.display().to_string()));
    folders.join(", ")
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_of_packages_betas_and_development_builds_are_parsed() {
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
