//! A private PostgreSQL from start to stop.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::account::Account;
use super::find::{self, Installation};
use super::folder::Folder;
use super::guard::Line;
use super::process::run_observed;
use super::server::Server;
use super::{Error, fetch};

/// The longest time for `initdb`.
const INITDB_TIMEOUT: Duration = Duration::from_mins(2);

/// The superuser. It needs no password: only the owner of the socket and root can reach the server.
const USER: &str = "postgres";

/// All characters but the unreserved ones of a URL (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The port in the name of the socket if the server does not listen on TCP.
const PORT: u16 = 5432;

/// Settings of a private PostgreSQL.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder with PostgreSQL's programs; `None` searches `PG_BIN_DIR` and the usual folders.
    pub bin_dir: Option<PathBuf>,
    /// The folder that keeps the data between runs; `None` is a temporary folder, removed with the server.
    pub data_dir: Option<PathBuf>,
    /// Whether commits survive a power cut or kill -9 of the server. Tests do without, to be faster. Kill -9 of *this*
    /// process loses nothing either way.
    pub durable: bool,
    /// PostgreSQL's `max_connections`.
    pub max_connections: u16,
    /// A port of 127.0.0.1 to listen on besides the socket, for tests that need TCP. It is open to everyone on this
    /// machine.
    pub tcp_port: Option<u16>,
    /// Further settings of the server, such as `shared_buffers=1GB`; they override the defaults.
    pub options: Vec<String>,
}

impl Settings {
    /// The port in the name of the socket, and of TCP.
    pub(super) fn port(&self) -> u16 {
        self.tcp_port.unwrap_or(PORT)
    }
}

/// A running private PostgreSQL. Dropping it stops it, and it never outlives this process.
#[derive(Debug)]
pub struct PrivatePostgres {
    // The order matters: the server is dropped before the folder it runs in.
    server: Server,
    folder: Folder,
    installation: Installation,
    port: u16,
}

/// Finds or fetches PostgreSQL, starts a private one and returns when it is ready.
///
/// This blocks for about 50 ms if the cluster exists, half a second if it is created, and longer if PostgreSQL is fetched
/// or recovers from a crash. Every wait has a timeout.
pub fn start(settings: &Settings) -> Result<PrivatePostgres, Error> {
    let began = Instant::now();
    let kept = settings.data_dir.as_deref();
    let kept_data = kept.map(|home| home.join("data"));
    let account = Account::choose(kept_data.as_deref())?;
    let made_by = kept_data.as_deref().and_then(pg_version);
    let wanted = made_by.as_deref().and_then(|version| version.parse().ok());
    let installation = match find::find(settings.bin_dir.as_deref(), &account, wanted)? {
        Some(found) => found,
        None => fetch::fetch(&account).map_err(|source| Error::NoPostgres {
            looked_in: find::looked_in(&account),
            source: Box::new(source),
        })?,
    };

    let folder = Folder::open(kept, account)?;
    match pg_version(&folder.data()) {
        None => make_cluster(&folder, &installation, settings.durable)?,
        Some(found) if found != installation.major.to_string() => {
            return Err(Error::OtherVersion {
                path: folder.data(),
                found,
                programs: installation.major,
                bin_dir: installation.bin_dir,
            });
        }
        Some(_) => {}
    }
    let server = Server::start(&folder, &installation, settings)?;
    tracing::info!(
        "private PostgreSQL {} ({}) is ready after {} ms: data in {}, pid {}",
        installation.version,
        installation.bin_dir.display(),
        began.elapsed().as_millis(),
        folder.home().display(),
        server.pid(),
    );
    Ok(PrivatePostgres {
        server,
        folder,
        installation,
        port: settings.port(),
    })
}

impl PrivatePostgres {
    /// Connects sqlx to the database `postgres`, as the superuser `postgres`, over the socket.
    pub fn connect_options(&self) -> PgConnectOptions {
        // Sets everything: missing options would be taken from `PG...` environment variables.
        PgConnectOptions::new_without_pgpass()
            .socket(self.folder.sockets())
            .port(self.port)
            .username(USER)
            .password("")
            .database(USER)
            .ssl_mode(PgSslMode::Disable)
    }

    /// A `postgres://` URL of a database, for libpq and sqlx.
    pub fn url(&self, database: &str) -> String {
        let host = percent_encode(self.folder.sockets().as_os_str().as_bytes(), RESERVED);
        let database = utf8_percent_encode(database, RESERVED);
        format!("postgres://{USER}@{host}:{}/{database}", self.port)
    }

    /// A shell command that opens a database in psql; it works for root as well.
    pub fn psql_command(&self, database: &str) -> String {
        let own = self.installation.program("psql");
        let path = env::var_os("PATH").unwrap_or_default();
        let on_path = env::split_paths(&path).any(|dir| dir.join("psql").is_file());
        let psql = if !on_path && own.is_file() {
            own
        } else {
            PathBuf::from("psql")
        };
        let [psql, sockets] = [psql.as_os_str(), self.folder.sockets().as_os_str()].map(quoted);
        format!(
            "{psql} -h {sockets} -p {} -U {USER} -d {}",
            self.port,
            quoted(OsStr::new(database))
        )
    }

    /// The server's version, such as `15.14`.
    pub fn version(&self) -> &str {
        &self.installation.version
    }

    /// The folder with PostgreSQL's programs.
    pub fn bin_dir(&self) -> &Path {
        &self.installation.bin_dir
    }

    /// The folder with the data, the socket, the log and the lock.
    pub fn data_dir(&self) -> &Path {
        self.folder.home()
    }

    /// The process id of the server.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Resolves when the server ends by itself, with the end of its log.
    pub async fn exited(&self) -> Error {
        self.server.exited().await
    }

    /// Stops the server: ends sessions, writes the data, and removes a temporary folder.
    pub fn stop(self) -> Result<(), Error> {
        let Self { server, folder, .. } = self;
        let stopped = server.stop();
        drop(server);
        let closed = folder.close();
        stopped.and(closed)
    }
}

/// The major version that made the data; `None` without data.
fn pg_version(data: &Path) -> Option<String> {
    Some(
        fs::read_to_string(data.join("PG_VERSION"))
            .ok()?
            .trim()
            .to_owned(),
    )
}

/// Creates the cluster in `data.new` and renames it when complete, so that an incomplete one is never used.
fn make_cluster(folder: &Folder, installation: &Installation, durable: bool) -> Result<(), Error> {
    tracing::info!("creating a database cluster in {}", folder.home().display());
    let (data, new) = (folder.data(), folder.home().join("data.new"));
    let mut refusal = None;
    for locale in locales(installation.major) {
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove the incomplete cluster", new)(error));
            }
            _ => folder.account().create_folder(&new)?,
        }
        let mut initdb = folder.account().command(installation.program("initdb"));
        initdb
            .arg("-D")
            .arg(&new)
            .args(["-U", USER, "--auth=trust", "--encoding=UTF8"]);
        initdb
            .args(["--no-instructions", "--lc-messages=C"])
            .args(*locale);
        if !durable {
            initdb.arg("--no-sync");
        }
        // The guard also stops initdb when this process dies.
        let line = folder.line();
        let guard = |pid| line.iter().for_each(|line| line.guards(pid));
        let finished = run_observed(&mut initdb, INITDB_TIMEOUT, guard);
        line.iter().for_each(Line::guards_nothing);
        let finished = finished?;
        if finished.status.success() {
            fs::rename(&new, &data).map_err(Error::io("move the new cluster to", &data))?;
            // The rename itself must survive a power cut, too.
            let home = File::open(folder.home()).and_then(|home| home.sync_all());
            return home.map_err(Error::io("write", folder.home()));
        }
        refusal = Some((finished.status.to_string(), finished.output.trim().to_owned()));
    }
    let (status, output) = refusal.unwrap_or_default();
    Err(Error::Initdb { status, output })
}

/// Locales with the letters of all languages that sort by code point, in order of preference. With plain `C`, the last
/// resort, `lower('É')` stays as it is.
fn locales(major: u32) -> &'static [&'static [&'static str]] {
    if major >= 17 {
        // Built into PostgreSQL, so independent of the system.
        &[&[
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]]
    } else {
        &[&["--locale=C.UTF-8"], &["--locale=en_US.UTF-8"], &["--locale=C"]]
    }
}

/// Quotes a word for a shell.
fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
