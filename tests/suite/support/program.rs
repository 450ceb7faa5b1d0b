//! The program as a process, with its output so far.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{TIMEOUT, eventually, give_clients_cryptography, left_out};

/// The running program. Dropping it kills the process.
pub struct Program {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    readers: Vec<JoinHandle<()>>,
}

type Lines = Arc<Mutex<Vec<String>>>;

/// The program with these arguments, without settings from the environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_task-status"));
    command.args(arguments).stdin(Stdio::null());
    // No balancer is in front, and tasks of tests may be old.
    command
        .env("TASK_STATUS_DRAIN_DELAY", "0s")
        .env("TASK_STATUS_RETENTION", "off");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let is_setting = ["DATABASE_URL", "READ_DATABASE_URL", "TASK_STATUS_", "PG", "OTEL_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if is_setting && name != "PG_BIN_DIR" {
            command.env_remove(&*name);
        }
    }
    command
}

/// `serve` on a free port.
pub fn serve(database_url: &str, arguments: &[&str]) -> Command {
    let mut command = command(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
    command.env("DATABASE_URL", database_url);
    command
}

/// The command with a clock that is off, such as by `-1h` or `+100d`; `None` without libfaketime.
pub fn with_clock(mut command: Command, off_by: &str) -> Option<Command> {
    let folders = fs::read_dir("/usr/lib").unwrap().flatten();
    let mut libraries = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    let Some(library) = libraries.find(|library| library.exists()) else {
        left_out("not tested with a wrong clock: libfaketime is not installed");
        return None;
    };
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", off_by)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Some(command)
}

/// A command that may open this many file descriptors, or more once it raises its own limit from `soft` to `hard`.
pub fn with_descriptors(command: &Command, soft: u32, hard: u32) -> Command {
    after(command, &format!("ulimit -Sn {soft} && ulimit -Hn {hard}"))
}

/// A command that is passed a socket, as by systemd.
pub fn with_socket(command: &Command, name: &str, socket: &TcpListener) -> Command {
    let passed = format!("export LISTEN_FDS=1 LISTEN_FDNAMES={name} LISTEN_PID=$$ && exec 3<&0 0</dev/null");
    let mut command = after(command, &passed);
    command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
    command
}

/// A command in a process that a shell has prepared.
fn after(command: &Command, script: &str) -> Command {
    let mut prepared = Command::new("sh");
    prepared
        .arg("-c")
        .arg(format!("{script} && exec \"$0\" \"$@\""))
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => prepared.env(name, value),
            None => prepared.env_remove(name),
        };
    }
    prepared
}

/// The output of a run on both streams.
pub fn output_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A command that logs text, as on a terminal.
pub fn as_text(command: &mut Command) -> &mut Command {
    command.env("TASK_STATUS_LOG_FORMAT", "human")
}

/// The stderr of a command that fails without output on stdout, as on a terminal.
pub fn refused(mut command: Command) -> String {
    let output = as_text(&mut command).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        give_clients_cryptography();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, reader) = follow(child.stdout.take().unwrap());
        let (stderr, other_reader) = follow(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
            readers: vec![reader, other_reader],
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on stderr with `text` in it.
    pub async fn logged(&mut self, text: &str) -> String {
        self.line(text, |program| &program.stderr).await
    }

    /// Waits for a line on stdout with `text` in it.
    pub async fn printed(&mut self, text: &str) -> String {
        self.line(text, |program| &program.stdout).await
    }

    async fn line(&mut self, text: &str, of: fn(&Self) -> &Lines) -> String {
        eventually(text, async || {
            let found = of(self)
                .lock()
                .unwrap()
                .iter()
                .find(|line| line.contains(text))
                .cloned();
            let ended = found.is_none() && self.child.try_wait().unwrap().is_some();
            assert!(!ended, "the program ended without {text:?}: {}", self.log());
            found
        })
        .await
    }

    /// The log line of a listener, such as `API`.
    pub async fn listening(&mut self, name: &str) -> Value {
        serde_json::from_str(&self.logged(&format!("listening: {name}")).await).unwrap()
    }

    /// The URL of a listener without a path.
    pub async fn url_of(&mut self, name: &str) -> String {
        format!(
            "http://{}",
            self.listening(name).await["address"].as_str().unwrap()
        )
    }

    /// The URL of the API without a path.
    pub async fn url(&mut self) -> String {
        self.url_of("API").await
    }

    /// Stops the program, which must succeed.
    pub fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.wait().success(), "{}", self.log());
    }

    /// Everything on stderr until now.
    pub fn log(&self) -> String {
        self.stderr.lock().unwrap().join("\n")
    }

    /// Everything on stdout until now.
    pub fn output(&self) -> String {
        self.stdout.lock().unwrap().join("\n")
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the program and of its output.
    pub fn wait(&mut self) -> ExitStatus {
        self.wait_for(TIMEOUT)
    }

    /// The same with another time limit.
    pub fn wait_for(&mut self, timeout: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                for reader in self.readers.drain(..) {
                    reader.join().unwrap();
                }
                return status;
            }
            assert!(begun.elapsed() < timeout, "still running: {}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !thread::panicking() {
            let log = self.log();
            log.lines().for_each(expect_each_key_once);
        }
    }
}

/// A line of the log with a key twice is read differently by each collector.
fn expect_each_key_once(line: &str) {
    // Of two equal keys only one is read.
    if let Ok(read @ Value::Object(_)) = serde_json::from_str(line) {
        assert_eq!(read.to_string(), line, "a key is there twice");
    }
}

fn follow(stream: impl Read + Send + 'static) -> (Lines, JoinHandle<()>) {
    let lines = Lines::default();
    let sink = Arc::clone(&lines);
    let reader = thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            sink.lock().unwrap().push(line);
        }
    });
    (lines, reader)
}
