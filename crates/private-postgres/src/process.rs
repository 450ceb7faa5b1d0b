//! Other processes: run one with a timeout, check whether one lives, send a signal.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Error;

/// The interval between checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The result of a program, with the output on stdout and stderr.
pub(super) struct Finished {
    pub status: ExitStatus,
    pub output: String,
}

/// Waits until `condition` holds; false after `bound`.
pub(super) fn wait_until(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + bound;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Runs a program to its end; kills it after `bound`.
pub(super) fn run(command: &mut Command, bound: Duration) -> Result<Finished, Error> {
    run_observed(command, bound, |_| ())
}

/// As [`run`], and passes the pid to `started`.
pub(super) fn run_observed(
    command: &mut Command,
    bound: Duration,
    started: impl FnOnce(u32),
) -> Result<Finished, Error> {
    let program = command.get_program().to_owned();
    let failed = |source| Error::Run {
        program: program.clone().into(),
        source,
    };

    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    started(child.id());
    let outputs = [child.stdout.take().map(collect), child.stderr.take().map(collect)];
    let mut ended = Ok(None);
    wait_until(bound, || {
        ended = child.try_wait();
        !matches!(ended, Ok(None))
    });
    let Some(status) = ended.map_err(failed)? else {
        // Waiting for it leaves no zombie, even if it has ended by itself meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        let message = format!("it took longer than {} s", bound.as_secs());
        return Err(failed(io::Error::new(io::ErrorKind::TimedOut, message)));
    };
    // With a timeout, since a grandchild may hold the pipe open.
    let output = outputs
        .into_iter()
        .flatten()
        .filter_map(|text| text.recv_timeout(Duration::from_secs(1)).ok())
        .collect();
    Ok(Finished { status, output })
}

/// Reads in a thread of its own, so that a full pipe never blocks the program.
fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    // Without the thread the output is missing, which only affects messages.
    let _ = thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// The command line of a running process; `None` if it is missing or a zombie.
///
/// A zombie has ended and uses no files, but its parent has not reaped it (process 1 of many containers never does).
pub(super) fn command_line(pid: u32) -> Option<Vec<u8>> {
    let proc = Path::new("/proc").join(pid.to_string());
    if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(proc.join("stat")).ok()?;
        // The state follows the name, which is in parentheses and may contain any character.
        let state = stat.rsplit_once(") ")?.1.chars().next()?;
        if matches!(state, 'Z' | 'X') {
            return None;
        }
        let mut line = fs::read(proc.join("cmdline")).ok()?;
        line.iter_mut()
            .filter(|byte| **byte == 0)
            .for_each(|byte| *byte = b' ');
        return Some(line);
    }
    let mut ps = Command::new("ps");
    ps.args(["-ww", "-o", "stat=", "-o", "command=", "-p", &pid.to_string()]);
    let ps = run(&mut ps, Duration::from_secs(5)).ok()?;
    let line = ps.output.trim_start();
    (ps.status.success() && !line.starts_with('Z')).then(|| line.as_bytes().to_vec())
}

/// Whether a process lives.
pub(super) fn lives(pid: u32) -> bool {
    command_line(pid).is_some()
}

/// Sends a signal. Errors are ignored, since the process may have ended: callers wait for the effect.
pub(super) fn send(signal: Signal, pid: u32) {
    if let Some(pid) = pid.try_into().ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// A shell script with its arguments, `$1` and on.
pub(super) fn shell<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(script: &str, arguments: I) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .arg("task-status")
        .args(arguments)
        .stdin(Stdio::null());
    command
}
