//! The files that a server writes about itself: `postmaster.pid` and `postmaster.opts`.

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

/// The content of `postmaster.pid`.
pub(super) struct PidFile {
    /// The process id of the server, which may have ended.
    pub pid: u32,
    /// Whether the server accepts connections.
    pub ready: bool,
}

impl PidFile {
    /// Reads the file; `None` if it is missing or incomplete.
    pub(super) fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // The eighth line, as in pg_ctl: unlike a test connection, this logs no failed log-in.
        let ready = lines.nth(6).is_some_and(|status| status.trim() == "ready");
        Some(Self { pid, ready })
    }
}

/// Whether the process is the server of this data directory, and not another one that got its pid.
pub(super) fn is_server_of(pid: u32, data: &Path) -> bool {
    let contains = |line: &[u8], part: &[u8]| line.windows(part.len()).any(|window| window == part);
    command_line(pid)
        .is_some_and(|line| contains(&line, b"postgres") && contains(&line, data.as_os_str().as_bytes()))
}

/// Whether the running server was started with these arguments, by its `postmaster.opts`.
pub(super) fn runs_with(data: &Path, arguments: &[OsString]) -> bool {
    let mut expected = Vec::new();
    for argument in arguments {
        expected.extend([b" \"", argument.as_bytes(), b"\""].concat());
    }
    let noted = fs::read(data.join("postmaster.opts")).unwrap_or_default();
    noted.trim_ascii_end().ends_with(&expected)
}

/// Makes PostgreSQL accept that the pid in `postmaster.pid` is not that of a running server.
///
/// PostgreSQL takes any process with this pid for a server, even a zombie, except its own parent. So this writes the pid
/// of this process, the parent. Without the file, PostgreSQL could not find sessions of the dead server that still write
/// to the data.
pub(super) fn disown(folder: &Folder, pid: u32, port: u16) -> Result<(), Error> {
    let file = folder.data().join("postmaster.pid");
    tracing::info!(
        "the last PostgreSQL (pid {pid}) in {} was not shut down; it recovers now",
        folder.home().display()
    );
    let text = fs::read_to_string(&file).map_err(Error::io("read", &file))?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    let text = format!("{}\n{rest}", process::id());
    // As the account that owns the file: root must not follow a link that the account made.
    let write = shell("printf %s \"$2\" > \"$1\"", [file.as_os_str(), OsStr::new(&text)]);
    let mut command = folder.account().command(write.get_program());
    let finished = run(command.args(write.get_args()), Duration::from_secs(10))?;
    if !finished.status.success() {
        let source = io::Error::other(finished.output.trim().to_owned());
        return Err(Error::io("write", file)(source));
    }
    // PostgreSQL checks the lock file of the socket in the same way, but that one protects nothing.
    let _ = fs::remove_file(folder.sockets().join(format!(".s.PGSQL.{port}.lock")));
    Ok(())
}
