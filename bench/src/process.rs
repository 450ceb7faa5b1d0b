//! Child processes: servers, which end with this process, and tools.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// The time limit of a graceful shutdown.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// A server and all its processes. Dropping it ends them.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub log: PathBuf,
}

/// Resident memory, in KiB.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Shared memory counts once.
    pub proportional: u64,
    /// Shared memory counts for each process.
    pub resident: u64,
}

impl Server {
    /// Starts a server with its output in a file.
    pub fn start(command: &mut Command, log: PathBuf) -> Result<Self, Error> {
        let output = File::create(&log).map_err(Error::io(format!(
            "write the log of a server to {}",
            log.display()
        )))?;
        let errors = output
            .try_clone()
            .map_err(Error::io("share the log of a server"))?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            // In its own group, which is ended as a whole.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(Error::io(format!("run {name}")))?;
        Ok(Self { child, log })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The resident memory of all its processes, if the system reports it.
    pub fn memory(&self) -> Resident {
        let group = self.child.id().to_string();
        processes_of(&group)
            .iter()
            .filter_map(|pid| resident(pid))
            .fold(Resident::default(), |sum, one| Resident {
                proportional: sum.proportional + one.proportional,
                resident: sum.resident + one.resident,
            })
    }

    fn signal(&self, name: &str) {
        // By the builtin of the shell, as a `kill` program may be missing. The group may be gone already.
        let _ = Command::new("/bin/sh")
            .args(["-c", "kill -s \"$1\" -- \"-$2\"", "sh", name])
            .arg(self.child.id().to_string())
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("TERM");
        let deadline = Instant::now() + GRACE;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.signal("KILL");
        let _ = self.child.wait();
    }
}

/// The processes of a group.
fn processes_of(group: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            group_in(&stat) == Some(group)
        })
        .collect()
}

/// The group that a line of `/proc/*/stat` names: the third field after the program's name.
fn group_in(stat: &str) -> Option<&str> {
    // The name, in parentheses, may itself contain any character.
    stat.rsplit_once(") ")?.1.split(' ').nth(2)
}

fn resident(pid: &str) -> Option<Resident> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Resident {
        proportional: field("Pss:")?,
        resident: field("Rss:")?,
    })
}

/// Runs a tool and returns its output. Dropping the future kills it.
pub async fn output(command: Command, bound: Duration) -> Result<String, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let finished = tokio::time::timeout(bound, command.output()).await;
    let finished = finished
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        .map_err(Error::io(format!("run {program}")))?;
    let printed = String::from_utf8_lossy(&finished.stdout).into_owned();
    if finished.status.success() {
        return Ok(printed);
    }
    Err(Error::Program {
        program,
        status: finished.status.to_string(),
        output: format!("{printed}{}", String::from_utf8_lossy(&finished.stderr)),
    })
}

/// A command without the settings of the contenders in the environment.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text == "DATABASE_URL" || text.starts_with("TASK_STATUS_") || text.starts_with("PG") {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_group_follows_any_command_name() {
        assert_eq!(group_in("42 (a) b) S 1 40 40 0 -1"), Some("40"));
        assert_eq!(group_in("42"), None);
    }

    #[tokio::test]
    async fn a_failure_includes_the_output() {
        let mut failing = command("/bin/sh");
        failing.args(["-c", "echo no; exit 3"]);
        let failed = output(failing, Duration::from_secs(10)).await;
        assert!(
            matches!(&failed, Err(error) if error.to_string().contains("no")),
            "{failed:?}"
        );
    }
}
