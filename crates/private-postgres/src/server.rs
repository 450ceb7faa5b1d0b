//! The server process: launches or adopts it, watches it, stops it.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::sync::watch;

use super::find::Installation;
use super::folder::{Folder, log_tail};
use super::postmaster::{PidFile, disown, is_server_of, runs_with};
use super::process::{command_line, send, wait_until};
use super::{Error, Settings};

/// The longest time for a start: recovery after a crash reads everything written since the last checkpoint.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// The longest time for each signal before a harsher one is sent.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pid: u32,
    /// The exit status, once it has ended.
    ended: watch::Receiver<Option<String>>,
    log: PathBuf,
}

impl Server {
    /// Takes over the server that runs in the folder, or launches one.
    pub(super) fn start(
        folder: &Folder,
        installation: &Installation,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let arguments = arguments(folder, settings);
        if let Some(server) = Self::adopt(folder, &arguments, settings.port())? {
            return Ok(server);
        }
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match Self::launch(folder, installation, &arguments) {
                // After kill -9 of a server its sessions take a moment to end. Until then PostgreSQL rightly refuses to
                // start.
                Err(Error::NotStarted { log_tail, .. })
                    if log_tail.contains("pre-existing shared memory block") && Instant::now() < deadline =>
                {
                    thread::sleep(Duration::from_millis(50));
                }
                outcome => return outcome,
            }
        }
    }

    fn launch(folder: &Folder, installation: &Installation, arguments: &[OsString]) -> Result<Self, Error> {
        let (data, log) = (folder.data(), folder.new_log()?);
        let program = installation.program("postgres");
        let failed = |source| Error::Run {
            program: program.clone(),
            source,
        };
        let child = folder
            .account()
            .command(&program)
            .args(arguments)
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        let pid = child.id();
        let server = Self::watch(pid, folder, || wait_for_child(child))?;

        let is_ready = || PidFile::read(&data).is_some_and(|file| file.ready && file.pid == pid);
        let settled = wait_until(START_TIMEOUT, || server.has_ended().is_some() || is_ready());
        let status = match server.has_ended() {
            Some(status) => status,
            None if settled => return Ok(server),
            None => format!("it was not ready within {} s", START_TIMEOUT.as_secs()),
        };
        // Read before a temporary folder is removed with its log.
        let log_tail = folder.log_tail();
        Err(Error::NotStarted { status, log_tail })
    }

    /// Adopts a server that is still running because its process and the guard were killed. The folder is locked, so no
    /// other process uses it.
    fn adopt(folder: &Folder, arguments: &[OsString], port: u16) -> Result<Option<Self>, Error> {
        let data = folder.data();
        let Some(found) = PidFile::read(&data) else {
            return Ok(None);
        };
        if !is_server_of(found.pid, &data) {
            // It has ended, or its pid belongs to another process now.
            disown(folder, found.pid, port)?;
            return Ok(None);
        }
        let server = Self::watch(found.pid, folder, move || wait_for_adopted(found.pid))?;
        wait_until(START_TIMEOUT, || {
            server.has_ended().is_some() || PidFile::read(&data).is_some_and(|file| file.ready)
        });
        // A server with other settings is replaced.
        if runs_with(&data, arguments) && answers(folder.sockets(), port) {
            tracing::info!(
                "adopted the PostgreSQL (pid {}) of a killed process in {}",
                found.pid,
                folder.home().display()
            );
            return Ok(Some(server));
        }
        server.stop().map(|()| None)
    }

    /// Watches the process in a thread, which ends when the process does.
    fn watch(
        pid: u32,
        folder: &Folder,
        wait: impl FnOnce() -> String + Send + 'static,
    ) -> Result<Self, Error> {
        let line = folder.line();
        if let Some(line) = &line {
            line.guards(pid);
        }
        let (sender, ended) = watch::channel(None);
        let watcher = thread::Builder::new()
            .name("postgres-watch".to_owned())
            .spawn(move || {
                let status = wait();
                if let Some(line) = line {
                    line.guards_nothing();
                }
                sender.send_replace(Some(status));
            });
        if let Err(source) = watcher {
            // Without the thread the end of the server would not be noticed.
            send(Signal::KILL, pid);
            return Err(Error::Run {
                program: "the thread that watches PostgreSQL".into(),
                source,
            });
        }
        Ok(Self {
            pid,
            ended,
            log: folder.log(),
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    fn has_ended(&self) -> Option<String> {
        self.ended.borrow().clone()
    }

    /// Resolves when the server has ended.
    pub(super) async fn exited(&self) -> Error {
        let mut ended = self.ended.clone();
        let status = match ended.wait_for(Option::is_some).await {
            Ok(status) => status.clone().unwrap_or_default(),
            Err(_) => "its watching thread has ended".to_owned(),
        };
        Error::Exited {
            pid: self.pid,
            status,
            log_tail: log_tail(&self.log),
        }
    }

    /// Stops the server: by a fast shutdown, which ends sessions and writes the data; if that takes too long, by an
    /// immediate one, then by SIGKILL. The data survives each of these.
    pub(super) fn stop(&self) -> Result<(), Error> {
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            if self.has_ended().is_some() {
                return Ok(());
            }
            send(signal, self.pid);
            if wait_until(STOP_TIMEOUT, || self.has_ended().is_some()) {
                return Ok(());
            }
            tracing::warn!("PostgreSQL (pid {}) did not stop on {signal:?}", self.pid);
        }
        Err(Error::NotStopped { pid: self.pid })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

fn wait_for_child(mut child: Child) -> String {
    match child.wait() {
        Ok(status) => status.to_string(),
        Err(error) => format!("unknown status: {error}"),
    }
}

/// Waits for an adopted server. It is no child of this process, so its exit status remains unknown.
fn wait_for_adopted(pid: u32) -> String {
    // Reading /proc is cheap; without it, each check runs `ps`.
    let pause = if Path::new("/proc/self/stat").exists() {
        100
    } else {
        1000
    };
    while command_line(pid).is_some() {
        thread::sleep(Duration::from_millis(pause));
    }
    "unknown status, since it was adopted".to_owned()
}

/// The command line of the server.
fn arguments(folder: &Folder, settings: &Settings) -> Vec<OsString> {
    let mut options: Vec<OsString> = [
        "unix_socket_permissions=0700",
        "timezone=UTC",
        "log_timezone=UTC",
        "log_min_messages=warning",
        "log_destination=stderr",
        "logging_collector=off",
        "shared_preload_libraries=",
        "autovacuum=on",
        "cluster_name=task-status",
        // An upper limit; the pages of the demo fit in the cache of the system.
        "shared_buffers=64MB",
        "huge_pages=off",
        "max_wal_size=512MB",
        // Compiling a query would take longer than running it.
        "jit=off",
    ]
    .map(OsString::from)
    .into();
    // By default only the socket in a private folder: no port conflicts, no password.
    let addresses = settings.tcp_port.map_or("", |_| "127.0.0.1");
    options.push(format!("listen_addresses={addresses}").into());
    options.push(format!("port={}", settings.port()).into());
    options.push(format!("max_connections={}", settings.max_connections).into());
    // Quotes make commas and spaces part of the path, since the setting is a list.
    let mut sockets = OsString::from("unix_socket_directories=\"");
    let path = folder.sockets().as_os_str().as_bytes();
    let doubled: Vec<u8> = path
        .iter()
        .flat_map(|&byte| [byte].repeat(1 + usize::from(byte == b'"')))
        .collect();
    sockets.push(OsString::from_vec(doubled));
    sockets.push("\"");
    options.push(sockets);
    if !settings.durable {
        // A power cut may now corrupt the data, and kill -9 of the server lose the last commits.
        options.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(OsString::from));
    }
    // Last, since the last value of a setting wins.
    options.extend(settings.options.iter().map(OsString::from));
    let options = options
        .into_iter()
        .flat_map(|option| [OsString::from("-c"), option]);
    [OsString::from("-D"), folder.data().into()]
        .into_iter()
        .chain(options)
        .collect()
}

/// Whether a server responds on the socket. A request for TLS is no log-in, so it is not logged.
fn answers(sockets: &Path, port: u16) -> bool {
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
    let ask = || {
        let mut stream = UnixStream::connect(sockets.join(format!(".s.PGSQL.{port}")))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(&SSL_REQUEST)?;
        stream.read_exact(&mut [0])
    };
    ask().is_ok()
}
