//! A real `PgBouncer` in front of a test's database.
//!
//! `PGBOUNCER` names the program; without it, the installed one is used. If `PGBOUNCER_MODE` is `session` or `transaction`,
//! every service of the tests reaches its database through one.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::eventually;

pub struct PgBouncer {
    process: Child,
    folder: TempDir,
    upstream: PgConnectOptions,
}

/// The program, and whether it supports prepared statements in transaction mode (1.21 and later).
pub fn program() -> Option<(PathBuf, bool)> {
    let program = std::env::var_os("PGBOUNCER").map_or("/usr/sbin/pgbouncer".into(), PathBuf::from);
    let version = Command::new(&program).arg("--version").output().ok()?;
    let version = String::from_utf8(version.stdout).ok()?;
    let minor = version
        .lines()
        .next()?
        .strip_prefix("PgBouncer 1.")?
        .split('.')
        .next()?;
    Some((program, minor.parse::<u32>().ok()? >= 21))
}

impl PgBouncer {
    /// `settings` are lines of its configuration.
    pub async fn start(upstream: PgConnectOptions, settings: &str) -> Self {
        // The path of a socket must be short.
        let folder = tempfile::Builder::new().prefix("pgb").tempdir_in("/tmp").unwrap();
        let process = run(folder.path(), &upstream, settings);
        let bouncer = Self {
            process,
            folder,
            upstream,
        };
        bouncer.until_it_answers().await;
        bouncer
    }

    /// The one that the environment asks for.
    pub async fn in_between(upstream: PgConnectOptions) -> Option<Self> {
        let mode = std::env::var("PGBOUNCER_MODE").ok()?;
        let prepared = if mode == "transaction" {
            "max_prepared_statements = 100"
        } else {
            ""
        };
        let settings = format!("pool_mode = {mode}\n{prepared}\ndefault_pool_size = 50");
        Some(Self::start(upstream, &settings).await)
    }

    pub fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Ends it, and starts it in the same place with other settings.
    pub async fn restart(&mut self, settings: &str) {
        self.stop();
        self.process = run(self.folder.path(), &self.upstream, settings);
        self.until_it_answers().await;
    }

    async fn until_it_answers(&self) {
        eventually("PgBouncer answers", async || {
            let connection = PgConnection::connect_with(&self.options().extra_float_digits(None)).await;
            connection.ok()?.close().await.ok()
        })
        .await;
    }

    /// Connection options through it.
    pub fn options(&self) -> PgConnectOptions {
        self.upstream.clone().socket(self.folder.path()).port(6432)
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!(
            "postgres://{}@localhost:6432/{}?host={}",
            self.upstream.get_username(),
            self.upstream.get_database().unwrap(),
            self.folder.path().display()
        )
    }
}

fn run(at: &Path, upstream: &PgConnectOptions, settings: &str) -> Child {
    let (program, _) = program().expect("PgBouncer is installed");
    let socket = upstream.get_socket().expect("a Unix socket");
    let user = upstream.get_username();
    let mut config = String::new();
    writeln!(
        config,
        "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {}\n\
         auth_type = trust\nauth_file = {}\ndefault_pool_size = 5\n{settings}",
        socket.display(),
        upstream.get_port(),
        at.display(),
        at.join("users").display(),
    )
    .unwrap();
    fs::write(at.join("users"), format!("\"{user}\" \"\"\n")).unwrap();
    fs::write(at.join("pgbouncer.ini"), config).unwrap();
    // It refuses to run as root, and the server accepts its own account.
    let owner = fs::metadata(socket).unwrap();
    fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
    let _ = chown(at, Some(owner.uid()), Some(owner.gid()));
    let mut command = Command::new(program);
    command
        .arg(at.join("pgbouncer.ini"))
        .uid(owner.uid())
        .gid(owner.gid())
        .stdin(Stdio::null())
        .stderr(fs::File::create(at.join("log")).unwrap())
        .spawn()
        .unwrap()
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.stop();
    }
}
