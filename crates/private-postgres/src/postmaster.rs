//! What a server notes about itself in its data directory, and what of it to believe.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process;
use std::time::Duration;

use super::Error;
use super::folder::Folder;
use super::process::{command_line, run, shell};

/// What `postmaster.pid` tells.
pub(super) struct PidFile {
    /// The server's process, or what was one.
    pub pid: u32,
    /// Whether it accepts connections.
    pub ready: bool,
}

impl PidFile {
    /// What the file says; `None` when there is none, or none that is whole.
    pub(super) fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // The eighth line: this is how pg_ctl knows, too. No failed log-ins appear in the log.
        let ready = lines.nth(6).is_some_and(|status| status.trim() == "ready");
        Some(Self { pid, ready })
    }
}

/// Whether the process is the server of this data directory, not somebody who was given its pid.
pub(super) fn is_server_of(pid: u32, data: &Path) -> bool {
    let contains = |line: &[u8], part: &[u8]| line.windows(part.len()).any(|window| window == part);
    command_line(pid)
        .is_some_and(|line| contains(&line, b"postgres") && contains(&line, data.as_os_str().as_bytes()))
}

/// Whether the running server was started with these arguments, as it has noted itself.
pub(super) fn runs_with(data: &Path, arguments: &[OsString]) -> bool {
    let mut expected = Vec::new();
    for argument in arguments {
        expected.extend([b" \"", argument.as_bytes(), b"\""].concat());
    }
    let noted = fs::read(data.join("postmaster.opts")).unwrap_or_default();
    noted.trim_ascii_end().ends_with(&expected)
}

/// Makes PostgreSQL see that the pid in `postmaster.pid` is not a living server's.
///
/// It takes any process of this pid for one, even a zombie, except its own parent, which is us:
/// so we write ours. Removing the file instead would also remove what it needs to find sessions of the dead
/// server that still write to the data.
pub(super) fn disown(folder: &Folder, pid: u32, port: u16) -> Result<(), Error> {
    let file = folder.data().join("postmaster.pid");
    tracing::info!(
        "the last PostgreSQL (pid {pid}) in {} was not stopped; it recovers now",
        folder.home().display()
    );
    let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    let text = format!("{}\n{rest}", process::id());
    // As the account that owns it: root must not write where others could have placed a link.
    let write = shell("printf %s \"$2\" > \"$1\"", [file.as_os_str(), OsStr::new(&text)]);
    let mut command = folder.account().command(write.get_program());
    let finished = run(command.args(write.get_args()), Duration::from_secs(10))?;
    if !finished.status.success() {
        let source = io::Error::other(finished.output.trim().to_owned());
        return Err(Error::io("write", file)(source));
    }
    // The socket's lock file is believed in the same way, but protects nothing.
    let _ = fs::remove_file(folder.sockets().join(format!(".s.PGSQL.{port}.lock")));
    Ok(())
}
