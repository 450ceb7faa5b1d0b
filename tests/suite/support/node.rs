//! Replicating PostgreSQL servers that a test starts, stops and promotes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::until;

/// A server and its data.
pub struct Node {
    folder: TempDir,
    account: (u32, u32),
}

impl Node {
    /// A new, empty primary, running.
    pub fn primary() -> Self {
        let node = Self::without_data();
        node.run(
            "initdb",
            &["-D", &node.data(), "-U", "postgres", "-A", "trust", "--no-sync"],
        );
        node.start();
        node
    }

    /// A running standby of another node.
    pub fn standby_of(primary: &Self) -> Self {
        let node = Self::copy_of(primary, "-R");
        node.start();
        node
    }

    /// A base backup of another node, with this option too. It is not running.
    pub fn copy_of(primary: &Self, option: &str) -> Self {
        let node = Self::without_data();
        let (sockets, data) = (primary.path(""), node.data());
        let connection = ["-h", &sockets, "-U", "postgres", "-D", &data];
        let fast = ["-c", "fast", "-X", "stream", "--no-sync", option];
        node.run("pg_basebackup", &[&connection[..], &fast].concat());
        node
    }

    fn without_data() -> Self {
        let folder = tempfile::Builder::new().prefix("pgn").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let account = account();
        let _ = chown(folder.path(), Some(account.0), Some(account.1));
        Self { folder, account }
    }

    pub fn start(&self) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories={} -c fsync=off -c max_connections=60",
            self.folder.path().display()
        );
        let log = self.folder.path().join("log").display().to_string();
        self.run(
            "pg_ctl",
            &["start", "-w", "-D", &self.data(), "-l", &log, "-o", &options],
        );
    }

    pub fn stop(&self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "fast", "-D", &self.data()]);
    }

    /// Stops it as a power failure does.
    pub fn kill(&self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "immediate", "-D", &self.data()]);
    }

    pub fn promote(&self) {
        self.run("pg_ctl", &["promote", "-w", "-D", &self.data()]);
    }

    /// Kills one of its backends, as Linux does when memory runs out, and returns when the server has recovered.
    pub async fn crash(&self) {
        let mut backend = PgConnection::connect_with(&self.options()).await.unwrap();
        let mut other = PgConnection::connect_with(&self.options()).await.unwrap();
        let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut backend)
            .await
            .unwrap();
        let killed = Command::new("kill").arg("-KILL").arg(pid.to_string()).status();
        assert!(killed.unwrap().success());
        // The server ends all other backends before it recovers.
        until("the crash is noticed", async || other.ping().await.is_err()).await;
        until("the server has recovered", async || {
            PgConnection::connect_with(&self.options()).await.is_ok()
        })
        .await;
    }

    /// Its socket, for a proxy.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.folder.path())
            .username("postgres")
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
    }

    /// Runs SQL of one or more statements.
    pub async fn execute(&self, sql: &'static str) {
        let mut connection = PgConnection::connect_with(&self.options()).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }

    /// A file beside its data.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The URL that names these nodes as hosts, in this order.
    pub fn url(nodes: &[&Self]) -> String {
        let hosts: Vec<String> = nodes
            .iter()
            .map(|node| node.folder.path().display().to_string().replace('/', "%2F"))
            .collect();
        format!("postgres://postgres@{}/postgres?sslmode=disable", hosts.join(","))
    }

    fn data(&self) -> String {
        self.path("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.client(program, arguments);
        assert!(status.success(), "{program} {arguments:?}: {status}");
    }

    /// Runs one of PostgreSQL's programs, which may fail.
    pub fn client(&self, program: &str, arguments: &[&str]) -> ExitStatus {
        Command::new(programs().join(program))
            .args(arguments)
            .current_dir("/tmp")
            .uid(self.account.0)
            .gid(self.account.1)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = Command::new(programs().join("pg_ctl"))
            .args(["stop", "-m", "immediate", "-D", &self.data()])
            .uid(self.account.0)
            .gid(self.account.1)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// PostgreSQL does not run as root.
fn account() -> (u32, u32) {
    let id = |of: &str| {
        let id = Command::new("id").args(of.split(' ')).output().unwrap();
        String::from_utf8(id.stdout).unwrap().trim().parse::<u32>().ok()
    };
    match id("-u") {
        Some(0) => id("-u postgres").zip(id("-g postgres")).unwrap_or((65534, 65534)),
        user => (user.unwrap(), id("-g").unwrap()),
    }
}

fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("PG_BIN_DIR") {
        return folder.into();
    }
    let mut installed: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| {
            versions
                .flatten()
                .map(|version| version.path().join("bin"))
                .collect()
        })
        .unwrap_or_default();
    installed.sort();
    installed.pop().unwrap_or_else(|| Path::new("/usr/bin").into())
}
