//! Helpers of the tests: a process to kill, a temporary folder, and functions to inspect processes.

use std::env;
use std::fs::{self, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;

use super::{BOUND, HELPER};

/// Another process with a server.
pub struct Helper {
    pub child: Child,
    pub server: u32,
    pub guard: u32,
    pub url: String,
    pub folder: PathBuf,
}

impl Helper {
    pub fn spawn(kept: Option<&Path>) -> Child {
        Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "helper", "--ignored", "--nocapture"])
            .env(HELPER, kept.unwrap_or(Path::new("")))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process of this program")
    }

    pub fn start(kept: Option<&Path>) -> Self {
        let mut child = Self::spawn(kept);
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut said = Vec::new();
        let ready = output.lines().map_while(Result::ok).find(|line| {
            said.push(line.clone());
            line.starts_with("ready\t")
        });
        let ready = ready.unwrap_or_else(|| panic!("no server: {}", said.join("\n")));
        let parts: Vec<_> = ready.split('\t').collect();
        let [_, server, url, folder] = parts[..] else {
            panic!("{ready}")
        };
        let server = server.parse().expect("a pid");
        let guard = children_of(child.id()).into_iter().find(|pid| *pid != server);
        let guard = guard.expect("a guard");
        Self {
            child,
            server,
            guard,
            url: url.to_owned(),
            folder: folder.into(),
        }
    }

    pub fn connect_options(&self) -> PgConnectOptions {
        self.url.parse().expect("a URL")
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("an end");
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // In case a test fails half-way. The guard cleans up the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that every account can enter, removed at the end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new() -> Self {
        let random = RandomState::new().hash_one(0);
        let path = env::temp_dir().join(format!("ts-test-{}-{random:016x}", process::id()));
        fs::create_dir(&path).expect("a new folder");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("permissions");
        Self(fs::canonicalize(path).expect("a folder"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The socket folder of a URL, in which only slashes need decoding.
pub fn socket_folder(url: &str) -> PathBuf {
    let host = url
        .split('@')
        .nth(1)
        .and_then(|rest| rest.split(':').next())
        .expect("a host");
    host.replace("%2F", "/").into()
}

pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "not within {} s: {what}",
            BOUND.as_secs()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process lives; a zombie does not.
pub fn lives(pid: u32) -> bool {
    ps("stat=", pid).is_some_and(|state| !state.starts_with('Z'))
}

pub fn ps(column: &str, pid: u32) -> Option<String> {
    let output = Command::new("ps")
        .args(["-o", column, "-p", &pid.to_string()])
        .output();
    let text = String::from_utf8_lossy(&output.expect("ps").stdout)
        .trim()
        .to_owned();
    (!text.is_empty()).then_some(text)
}

fn children_of(parent: u32) -> Vec<u32> {
    let output = Command::new("ps")
        .args(["-A", "-o", "ppid=,pid="])
        .output()
        .expect("ps");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| line.trim().split_once(char::is_whitespace))
        .filter(|(ppid, _)| *ppid == parent.to_string())
        .filter_map(|(_, pid)| pid.trim().parse().ok())
        .collect()
}

pub fn signal(name: &str, pid: u32) {
    shell(&format!("kill -s {name} {pid}"));
}

pub fn shell(script: &str) {
    let status = Command::new("/bin/sh")
        .args(["-c", script])
        .status()
        .expect("a shell");
    assert!(status.success(), "{script}");
}
