//! The guard: a shell that stops the server when this process ends, even by kill -9.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Error;
use super::process::wait_until;

/// Reads the pid to stop from a pipe that only this process holds; the pipe ends when this process does. The alternative,
/// `PR_SET_PDEATHSIG`, is Linux only, needs unsafe code, and fires when a *thread* ends.
///
/// The signals are INT, QUIT, then KILL. A zombie counts as stopped: process 1 of many containers never reaps.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
pid=
while read -r line; do
    [ "$line" = done ] && exit 0
    pid=$line
done
running() {
    kill -0 "$pid" 2>/dev/null || return 1
    stat=
    read -r stat <"/proc/$pid/stat"
    case ${stat##*) } in Z* | X*) return 1 ;; esac
}
if [ -n "$pid" ]; then
    kill -s INT "$pid" 2>/dev/null
    tenths=0
    while running && [ "$tenths" -lt 400 ]; do
        tenths=$((tenths + 1))
        [ "$tenths" = 200 ] && kill -s QUIT "$pid" 2>/dev/null
        [ "$tenths" = 300 ] && kill -s KILL "$pid" 2>/dev/null
        sleep 0.1 2>/dev/null || sleep 1
    done
fi
for folder; do
    attempts=0
    while [ "$attempts" -lt 50 ] && ! rm -rf -- "$folder" 2>/dev/null; do
        attempts=$((attempts + 1))
        sleep 0.1 2>/dev/null || sleep 1
    done
done
"#;

/// The running shell.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
    line: Line,
}

/// Tells the guard which process to stop.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<Mutex<Option<ChildStdin>>>);

impl Guard {
    /// Starts the guard of a cluster. It finally removes the folders `remove`.
    ///
    /// Its standard output is the lock file, so that the folder stays locked until the server has stopped, even if this
    /// process dies first.
    pub(super) fn start(lock: &File, remove: &[&Path]) -> Result<Self, Error> {
        let run = |source| Error::Run {
            program: "/bin/sh".into(),
            source,
        };
        let lock = lock.try_clone().map_err(run)?;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "task-status-guard"])
            .args(remove)
            .current_dir("/")
            // Ctrl-C in the terminal must not reach it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(Stdio::null())
            .spawn()
            .map_err(run)?;
        let line = Line(Arc::new(Mutex::new(shell.stdin.take())));
        Ok(Self { shell, line })
    }

    pub(super) fn line(&self) -> Line {
        self.line.clone()
    }
}

impl Line {
    /// Sets the process to stop.
    pub(super) fn guards(&self, pid: u32) {
        self.say(&pid.to_string());
    }

    /// Clears the process to stop, since its pid may be reused.
    pub(super) fn guards_nothing(&self) {
        self.say("");
    }

    fn say(&self, line: &str) {
        if let Some(pipe) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // Fails if the guard was killed; the server does not depend on it.
            let _ = writeln!(pipe, "{line}");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.line.say("done");
        self.line.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Its end releases the lock; waiting for it leaves no zombie.
        if !wait_until(Duration::from_secs(5), || {
            !matches!(self.shell.try_wait(), Ok(None))
        }) {
            let _ = self.shell.kill();
            let _ = self.shell.wait();
        }
    }
}
