//! The dependencies of the peers, installed from their lock files once for all runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{self, command};
use crate::{Error, machine};

/// The time limit of an installer, which downloads.
const INSTALLATION: Duration = Duration::from_mins(10);

const FASTAPI: [(&str, &str); 2] = [
    (
        "requirements.txt",
        include_str!("../peers/fastapi/requirements.txt"),
    ),
    ("app.py", include_str!("../peers/fastapi/app.py")),
];
const FASTIFY: [(&str, &str); 3] = [
    (
        "package-lock.json",
        include_str!("../peers/fastify/package-lock.json"),
    ),
    ("package.json", include_str!("../peers/fastify/package.json")),
    ("server.mjs", include_str!("../peers/fastify/server.mjs")),
];
/// The statement of the page, which all peers share.
pub const PAGE: &str = include_str!("../sql/page.sql");
const REPORT: &str = include_str!("../wrk/report.lua");

/// The paths of every program that runs.
#[derive(Debug)]
pub struct Tools {
    /// The folder with the service and the programs of this package.
    pub programs: PathBuf,
    /// The folder for logs and scripts.
    pub scratch: PathBuf,
    pub fastapi: PathBuf,
    pub fastify: PathBuf,
    /// The program of the load generator.
    pub report: PathBuf,
    /// The statement of the page, for peers that read it.
    pub page: PathBuf,
    /// Locked to prevent concurrent runs.
    _in_use: File,
}

impl Tools {
    /// Installs missing tools, and prevents concurrent runs.
    pub async fn install() -> Result<Self, Error> {
        let this = std::env::current_exe().map_err(Error::io("find the programs of this package"))?;
        let programs = this.parent().unwrap_or(Path::new(".")).to_owned();
        // In the build folder, so that `cargo clean` removes it.
        let scratch = programs.join("bench");
        fs::create_dir_all(&scratch).map_err(Error::io(format!("make {}", scratch.display())))?;
        let lock = scratch.join("in-use");
        let in_use = File::create(&lock).map_err(Error::io(format!("write {}", lock.display())))?;
        in_use.try_lock().map_err(|_| Error::AnotherRun)?;
        let tools = Self {
            _in_use: in_use,
            fastapi: scratch.join("fastapi"),
            fastify: scratch.join("fastify"),
            report: scratch.join("report.lua"),
            page: scratch.join("page.sql"),
            programs,
            scratch,
        };
        write(&tools.report, REPORT)?;
        write(&tools.page, PAGE)?;
        install(&tools.fastapi, &FASTAPI, &tools.python_packages()).await?;
        install(&tools.fastify, &FASTIFY, &[npm()]).await?;
        Ok(tools)
    }

    /// A program of the peer's Python.
    pub fn python(&self, program: &str) -> PathBuf {
        self.fastapi.join("venv/bin").join(program)
    }

    /// The path of a log or a script.
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    fn python_packages(&self) -> [Command; 2] {
        let mut make = command("python3");
        make.args(["-m", "venv", "--clear", "venv"]);
        let mut fill = command(self.python("python"));
        fill.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        .args([
            "--only-binary=:all:",
            "--require-hashes",
            "-r",
            "requirements.txt",
        ]);
        [make, fill]
    }

    /// Names and versions of the tools, as reported or as pinned.
    pub async fn versions(&self) -> Vec<(&'static str, String)> {
        let python = self.python("python").to_string_lossy().into_owned();
        let pinned = |name: &str| pinned(FASTAPI[0].1, name);
        let locked = |name: &str| locked(FASTIFY[1].1, name);
        vec![
            ("rustc", machine::version("rustc", "--version").await),
            ("Python", machine::version(&python, "--version").await),
            ("FastAPI", pinned("fastapi")),
            ("uvicorn", pinned("uvicorn")),
            ("asyncpg", pinned("asyncpg")),
            ("Node.js", machine::version("node", "--version").await),
            ("Fastify", locked("fastify")),
            ("pg", locked("pg")),
            ("wrk", machine::version("wrk", "--version").await),
        ]
    }
}

/// Writes the files to the folder and installs there, unless the same packages are installed.
async fn install(folder: &Path, files: &[(&str, &str)], installers: &[Command]) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(format!("make {}", folder.display())))?;
    for (name, text) in files {
        write(&folder.join(name), text)?;
    }
    let list = files.first().map_or("", |(_, text)| text);
    // Written last: an interrupted installation does not count.
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|text| text == list) {
        return Ok(());
    }
    for installer in installers {
        let mut step = command(installer.get_program());
        step.args(installer.get_args()).current_dir(folder);
        process::output(step, INSTALLATION).await?;
    }
    write(&installed, list)
}

/// Installs exactly the packages of the lock file, without their scripts.
fn npm() -> Command {
    let mut npm = command("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    npm
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}

/// The version of a package in a list of requirements.
fn pinned(list: &str, name: &str) -> String {
    let line = list
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix("=="));
    let version = line.and_then(|rest| rest.split_whitespace().next());
    version.unwrap_or("unknown").to_owned()
}

/// The version of a package in a `package.json`.
fn locked(package: &str, name: &str) -> String {
    let package: serde_json::Value = serde_json::from_str(package).unwrap_or_default();
    package["dependencies"][name]
        .as_str()
        .unwrap_or("unknown")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_named_in_the_report_are_pinned() {
        for name in ["fastapi", "uvicorn", "asyncpg"] {
            assert_ne!(pinned(FASTAPI[0].1, name), "unknown", "{name}");
        }
        for name in ["fastify", "pg"] {
            assert_ne!(locked(FASTIFY[1].1, name), "unknown", "{name}");
        }
    }
}
