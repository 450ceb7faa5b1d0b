//! Ends the server when this process ends, in whatever way: also when it is killed with -9.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Error;
use super::process::wait_until;

/// A shell that reads from a pipe which only this process holds. It learns the pid to stop; the end
/// of the file tells it that this process is gone. That needs no help from the system: the other
/// way, `PR_SET_PDEATHSIG`, is Linux only, unsafe code, and fires when a *thread* ends.
///
/// A process is stopped politely, then at once, then by force. A zombie counts as gone: process 1
/// of many containers never reaps.
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

/// The shell, while it has something to guard.
#[derive(Debug)]
pub(super) struct Guard {
    shell: Child,
    line: Line,
}

/// Tells the guard what there is to stop.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<Mutex<Option<ChildStdin>>>);

impl Guard {
    /// Starts the guard of a cluster. `remove` are folders to remove when all is over.
    ///
    /// The guard's standard output is the lock file: the folder stays locked until the server is down,
    /// even if this process dies first.
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

    /// What the thread that watches the server needs.
    pub(super) fn line(&self) -> Line {
        self.line.clone()
    }
}

impl Line {
    /// This process is to be stopped.
    pub(super) fn guards(&self, pid: u32) {
        self.say(&pid.to_string());
    }

    /// There is no process to stop any more, and its pid may soon be another's.
    pub(super) fn guards_nothing(&self) {
        self.say("");
    }

    fn say(&self, line: &str) {
        if let Some(pipe) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // A guard that was killed cannot be told anything; the server does not depend on it.
            let _ = writeln!(pipe, "{line}");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.line.say("done");
        self.line.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Its end releases the lock. Reaping it leaves no zombie behind.
        if !wait_until(Duration::from_secs(5), || {
            !matches!(self.shell.try_wait(), Ok(None))
        }) {
            let _ = self.shell.kill();
            let _ = self.shell.wait();
        }
    }
}
