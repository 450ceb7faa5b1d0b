//! The server process: launched or adopted, watched, stopped.

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

/// How long a start may take: recovery after a crash reads all that was written since the last
/// checkpoint.
const READY: Duration = Duration::from_mins(2);

/// How long each way of stopping may take before a harsher one is tried.
const STOPPED: Duration = Duration::from_secs(20);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pid: u32,
    /// How it ended, once it has.
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
        let deadline = Instant::now() + READY;
        loop {
            match Self::launch(folder, installation, &arguments) {
                // After kill -9 of a server its sessions need a moment to notice; until then
                // PostgreSQL refuses to start, rightly.
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
        let settled = wait_until(READY, || server.has_ended().is_some() || is_ready());
        let status = match server.has_ended() {
            Some(status) => status,
            None if settled => return Ok(server),
            None => format!("it was not ready within {} s", READY.as_secs()),
        };
        // Before the temporary folder goes, and the log with it.
        let log_tail = folder.log_tail();
        Err(Error::NotStarted { status, log_tail })
    }

    /// The server that a killed process, whose guard was killed too, left behind. The folder is
    /// locked, so it is nobody's now.
    fn adopt(folder: &Folder, arguments: &[OsString], port: u16) -> Result<Option<Self>, Error> {
        let data = folder.data();
        let Some(found) = PidFile::read(&data) else {
            return Ok(None);
        };
        if !is_server_of(found.pid, &data) {
            // It is dead, a zombie, or its pid has been given to another process.
            disown(folder, found.pid, port)?;
            return Ok(None);
        }
        let server = Self::watch(found.pid, folder, move || wait_for_stranger(found.pid))?;
        wait_until(READY, || {
            server.has_ended().is_some() || PidFile::read(&data).is_some_and(|file| file.ready)
        });
        // With other settings it would not be the server that was asked for.
        if runs_with(&data, arguments) && answers(folder.sockets(), port) {
            tracing::info!(
                "adopted the PostgreSQL (pid {}) that a killed process left in {}",
                found.pid,
                folder.home().display()
            );
            return Ok(Some(server));
        }
        server.stop().map(|()| None)
    }

    /// Watches the process in a thread of its own, which ends when the process does.
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
            // A server that nobody watches could not be stopped in an orderly way later.
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

    /// The server's process.
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
            Err(_) => "nobody watches it any more".to_owned(),
        };
        Error::Exited {
            pid: self.pid,
            status,
            log_tail: log_tail(&self.log),
        }
    }

    /// Stops the server: its sessions are ended and the data is written; if that takes too long,
    /// at once; if need be by force. The data survives each of these.
    pub(super) fn stop(&self) -> Result<(), Error> {
        for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
            if self.has_ended().is_some() {
                return Ok(());
            }
            send(signal, self.pid);
            if wait_until(STOPPED, || self.has_ended().is_some()) {
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
        Err(error) => format!("its end could not be learnt: {error}"),
    }
}

/// An adopted server is no child of ours: the system does not tell us when and how it ends.
fn wait_for_stranger(pid: u32) -> String {
    // Reading /proc is cheap; where there is none, each look is a `ps`.
    let pause = if Path::new("/proc/self/stat").exists() {
        100
    } else {
        1000
    };
    while command_line(pid).is_some() {
        thread::sleep(Duration::from_millis(pause));
    }
    "how is not known, it was adopted".to_owned()
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
        // Memory is taken when it is used, up to this; a demo's pages fit in the system's cache.
        "shared_buffers=64MB",
        "huge_pages=off",
        "max_wal_size=512MB",
        // Compiling a query takes longer than any of ours runs.
        "jit=off",
    ]
    .map(OsString::from)
    .into();
    // A socket in a private folder: no port to collide with, no password to keep.
    let addresses = settings.tcp_port.map_or("", |_| "127.0.0.1");
    options.push(format!("listen_addresses={addresses}").into());
    options.push(format!("port={}", settings.port()).into());
    options.push(format!("max_connections={}", settings.max_connections).into());
    // In a list setting, quotes make commas and spaces part of the path.
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
        // A power cut may now ruin the data, and kill -9 of the server lose the last commits.
        options.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(OsString::from));
    }
    // Of two for the same setting PostgreSQL takes the later.
    options.extend(settings.options.iter().map(OsString::from));
    let options = options
        .into_iter()
        .flat_map(|option| [OsString::from("-c"), option]);
    [OsString::from("-D"), folder.data().into()]
        .into_iter()
        .chain(options)
        .collect()
}

/// Whether a server answers on the socket. Asking for TLS is no log-in, so it leaves no trace.
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
