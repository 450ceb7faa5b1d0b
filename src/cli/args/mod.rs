//! The command line: flags, environment variables, defaults and help of every subcommand.
#![expect(clippy::doc_markdown, reason = "the comments are help texts, not Markdown")]

mod access;
mod database;
mod database_url;
mod pending;
mod token;
mod traces;
mod transfer;

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::filter::Targets;

use crate::http::base_path::BasePath;
use crate::http::connections::ConnectionLimits;
use crate::http::middleware::cors::Origin;
use crate::http::shares::Bounds;
use crate::http::state::EmptyStatus;
use crate::http::tls::TlsFiles;
use crate::pending::PendingConfig;
use crate::store::schema::Schema;
use crate::telemetry::LogFormat;
use crate::telemetry::traces::{TraceError, TraceSettings};
pub use access::{AccessArgs, AccessError, AuthMode};
pub use database::{DatabaseArgs, DatabaseLimits, ReadDatabaseArgs};
pub use database_url::DatabaseUrl;
pub use pending::PendingArgs;
pub use token::TokenArgs;
pub use traces::TraceArgs;
pub use transfer::{ExportArgs, ExportFormat, ImportArgs, PruneArgs, VerifyArgs};

/// Shows which background tasks are pending, and how far along they are.
///
/// Serves task statuses from PostgreSQL over the Task Management API: GET /task-status/pending-tasks.
/// Without a subcommand it runs `demo`: a private PostgreSQL with sample tasks, on this machine only.
///
/// Every flag can also be set by the environment variable that its help names. An empty variable counts as missing.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub logging: Logging,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API from the PostgreSQL of DATABASE_URL
    Serve(Box<ServeArgs>),
    /// Try the API on this machine: a private PostgreSQL with sample tasks that keep moving
    Demo(DemoArgs),
    /// Run missing migrations on DATABASE_URL, and grant privileges to a role
    Migrate(MigrateArgs),
    Import(ImportArgs),
    Export(ExportArgs),
    Prune(PruneArgs),
    Verify(VerifyArgs),
    Pending(PendingArgs),
    Token(TokenArgs),
    /// Ask a running service whether it is ready: exit status 0 if it is, 1 otherwise
    Healthcheck(HealthcheckArgs),
    /// Print the OpenAPI document of the API
    Openapi(OpenapiArgs),
    /// Print the version, the commit, the compiler, and the number of the newest migration
    Version(VersionArgs),
    /// Print a script with which a shell completes this command line
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them to a folder
    Man(ManArgs),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct Logging {
    /// Format of the log lines on stderr
    #[arg(
        long,
        global = true,
        env = "TASK_STATUS_LOG_FORMAT",
        value_enum,
        default_value_t
    )]
    pub log_format: LogFormat,
    /// What to log: a level (error, warn, info, debug, trace), or levels by module such as
    /// `info,task_status=debug`
    #[arg(
        long,
        global = true,
        env = "TASK_STATUS_LOG",
        default_value = "info,sqlx=warn",
        value_name = "FILTER"
    )]
    pub log: Targets,
}

impl Cli {
    /// The settings of traces; `None` if none are to be made.
    pub fn traces(&self) -> Result<Option<TraceSettings>, TraceError> {
        match &self.command {
            Some(Command::Serve(args)) => args.traces.settings(),
            _ => Ok(None),
        }
    }
}

impl Logging {
    /// The format of a command line that cannot be parsed.
    pub fn format_at_least() -> LogFormat {
        let matches = Cli::command().ignore_errors(true).try_get_matches();
        let format = matches
            .ok()
            .and_then(|matches| matches.get_one("log_format").copied());
        format.unwrap_or_default()
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        task-status migrate\n  \
        task-status migrate --grant-to task_status_service")]
pub struct MigrateArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Grant this role what `serve --migrate false`, `import`, `export` and `prune` need, and revoke every other
    /// privilege on the program's tables from it and from PUBLIC. The role must exist and not own the tables. Repeat
    /// this after each migration
    #[arg(long, env = "TASK_STATUS_GRANT_TO", value_parser = NonEmptyStringValueParser::new(), help_heading = "Database", value_name = "ROLE")]
    pub grant_to: Option<String>,
}

/// The default of --max-client-connections, and the least that it is lowered to for want of file descriptors.
const MAX_CONNECTIONS: usize = 20_000;
const MIN_CONNECTIONS: usize = 16;
/// The most connections of --admin-listen, and of --metrics-listen. They are apart from those of clients, so that probes
/// are answered whatever clients do.
pub const ADMIN_CONNECTIONS: usize = 32;
/// The file descriptors that are not for clients or the database: those connections, files, and spare ones.
const RESERVED_DESCRIPTORS: usize = 2 * ADMIN_CONNECTIONS + 36;

#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServeArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub read_database: ReadDatabaseArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub api: ApiArgs,
    /// Address and port of the API, unless systemd passes a socket. Connections are refused until the service can answer,
    /// or has not reached the database or the keys of tokens for 5 s
    #[arg(
        long,
        env = "TASK_STATUS_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// Address and port of /livez and /readyz, for supervisors of the process. Not served by default
    #[arg(long, env = "TASK_STATUS_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Address and port of /metrics, for Prometheus. Not served by default. --auth does not protect it: choose an address
    /// that only Prometheus can reach
    #[arg(long, env = "TASK_STATUS_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Connections of clients at a time, at most. Further ones wait until one ends; idle ones are closed for them. By
    /// default 20000, or as many as there are file descriptors for
    #[arg(long, env = "TASK_STATUS_MAX_CLIENT_CONNECTIONS", value_name = "NUMBER")]
    pub max_client_connections: Option<NonZeroU32>,
    /// Connections of one client address at a time, at most; of IPv6, of a network of 64 bits. Further ones are closed at
    /// once. --trusted-proxies have no such limit. By default a quarter of --max-client-connections
    #[arg(long, env = "TASK_STATUS_MAX_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER")]
    pub max_connections_per_address: Option<NonZeroU32>,
    /// How long a client may read nothing of what it is sent before its connection is closed
    #[arg(long, env = "TASK_STATUS_WRITE_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub write_timeout: Duration,
    /// How long a connection may be idle before it is closed. Make it longer than the idle timeout of a balancer or proxy
    /// in front, so that a request never meets a connection that is being closed
    #[arg(long, env = "TASK_STATUS_IDLE_TIMEOUT", default_value = "75s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub idle_timeout: Duration,
    /// How long the service goes on serving after SIGTERM, while /readyz is 503 and each response asks the client to
    /// close its connection. Make it longer than a balancer or proxy in front needs to notice; 0s without one
    #[arg(long, env = "TASK_STATUS_DRAIN_DELAY", default_value = "5s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub drain_delay: Duration,
    /// How long the service then waits for requests in flight
    #[arg(long, env = "TASK_STATUS_SHUTDOWN_TIMEOUT", default_value = "20s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub shutdown_timeout: Duration,
    /// Run missing migrations before serving, as the owner of the tables. With `false`, refuse a database that lacks any
    #[arg(long, env = "TASK_STATUS_MIGRATE", default_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new(), help_heading = "Database", value_name = "BOOL")]
    pub migrate: bool,
    /// Delete tasks whose `modified` is older than this, pending or not, such as 90d; `off` keeps all tasks. If more than
    /// ten tasks, and more than half of all, are older, none is deleted until `prune --confirm` was run
    #[arg(
        long,
        env = "TASK_STATUS_RETENTION",
        default_value = "90d",
        help_heading = "Database",
        value_name = "DURATION"
    )]
    pub retention: Retention,
    #[command(flatten)]
    pub limits: DatabaseLimits,
    #[command(flatten)]
    pub tls: TlsArgs,
    #[command(flatten)]
    pub traces: TraceArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Serve the API over TLS with the certificate chain in this file (PEM): the server's own first, then the
    /// intermediate ones. Reloaded when it changes
    #[arg(long, env = "TASK_STATUS_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the server's certificate (PEM, without a passphrase). Reloaded when it changes
    #[arg(long, env = "TASK_STATUS_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// The files if the API is to be served over TLS.
    pub fn files(&self) -> Result<Option<TlsFiles>, ConfigError> {
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
            })),
            (Some(_), None) => Err(ConfigError::HalfOfTls {
                set: "--tls-cert",
                missing: "--tls-key (or TASK_STATUS_TLS_KEY)",
            }),
            (None, Some(_)) => Err(ConfigError::HalfOfTls {
                set: "--tls-key",
                missing: "--tls-cert (or TASK_STATUS_TLS_CERT)",
            }),
        }
    }
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct PathArgs {
    /// Base paths that the API is served under besides the root, separated by commas
    #[arg(
        long,
        env = "TASK_STATUS_BASE_PATHS",
        default_value = "/beta,/v2024,/v2025,/v2026,/latest",
        value_delimiter = ',',
        value_name = "PATHS"
    )]
    pub base_paths: Vec<BasePath>,
}

#[derive(Debug, Args)]
pub struct OpenapiArgs {
    #[command(flatten)]
    pub paths: PathArgs,
}

#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        task-status completions bash >/usr/share/bash-completion/completions/task-status\n  \
        task-status completions zsh >/usr/share/zsh/vendor-completions/_task-status\n  \
        task-status completions fish >/usr/share/fish/vendor_completions.d/task-status.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        task-status man | man -l -\n  \
        task-status man --out /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write a page for the program and one for each subcommand to this folder
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct ApiArgs {
    #[command(flatten)]
    pub paths: PathArgs,
    /// Status of the response if no task is pending: 204 as the contract says, or 200 with [] for clients that cannot
    /// read a 204 (the paginators of the official TypeScript and Python SDKs)
    #[arg(long, env = "TASK_STATUS_EMPTY_STATUS", value_enum, default_value_t)]
    pub empty_status: EmptyStatus,
    /// Origins whose pages may call the API from a browser (CORS), separated by commas: each a scheme, a host and, if it
    /// is not the default one, a port. None by default
    #[arg(
        long,
        env = "TASK_STATUS_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub cors_origins: Vec<Origin>,
    /// Serve /livez and /readyz on the API's address too, and respond to `/` as to /livez unless a browser
    /// asks, for balancers that can ask no other address. They need no authentication and have no limit
    #[arg(long, env = "TASK_STATUS_HEALTH_ON_API", value_parser = BoolishValueParser::new())]
    pub health_on_api: bool,
    /// Requests in flight at a time, at most, and half as many of one client: a verified name, else an address. Further
    /// requests get 503 at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_CONCURRENT_REQUESTS",
        default_value = "1000",
        value_name = "NUMBER"
    )]
    pub max_concurrent_requests: NonZeroU32,
    /// Streams (POST of newline-delimited JSON, and exports) in flight at a time, at most, and a quarter as many of one
    /// client. They do not count as requests. Further streams get 503 at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_STREAMS",
        default_value = "100",
        value_name = "NUMBER"
    )]
    pub max_streams: NonZeroU32,
    /// Size of the cache of rendered pages of lists, in MiB
    #[arg(long, env = "TASK_STATUS_PAGE_CACHE_MIB", default_value = "32", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub page_cache_mib: u32,
    /// Memory for responses until they are sent, cached pages included, in MiB. One response may take half of it; without
    /// room a request gets 503
    #[arg(long, env = "TASK_STATUS_MAX_RESPONSE_MEMORY_MIB", default_value = "256", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub max_response_memory_mib: u32,
    /// How long a request for a list waits for the database to confirm that the data in memory is current, before
    /// it gets 503
    #[arg(long, env = "TASK_STATUS_FRESHNESS_TIMEOUT", default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub freshness_timeout: Duration,
    /// How long a long poll (Prefer: wait) is held until its page or task changes, at most; 0s holds none
    #[arg(long, env = "TASK_STATUS_LONG_POLL_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub long_poll_timeout: Duration,
    /// Long polls held at a time, at most. Further ones are answered at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_LONG_POLLS",
        default_value = "10000",
        value_name = "NUMBER"
    )]
    pub max_long_polls: u32,
    /// How long a request may take before it gets 503
    #[arg(long, env = "TASK_STATUS_REQUEST_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub request_timeout: Duration,
    /// Serve the dashboard to browsers at the root and at each base path
    #[arg(long, env = "TASK_STATUS_UI", default_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new(), help_heading = "Dashboard", value_name = "BOOL")]
    pub ui: bool,
}

impl From<&ApiArgs> for Bounds {
    fn from(args: &ApiArgs) -> Self {
        Self {
            requests: args.max_concurrent_requests,
            streams: args.max_streams,
        }
    }
}

impl From<&ApiArgs> for PendingConfig {
    fn from(args: &ApiArgs) -> Self {
        Self {
            response_memory: usize::try_from(args.max_response_memory_mib)
                .unwrap_or(usize::MAX)
                .saturating_mul(1024 * 1024),
            cache_bytes: u64::from(args.page_cache_mib) * 1024 * 1024,
            timeout: args.freshness_timeout,
            long_poll_timeout: args.long_poll_timeout,
            max_long_polls: usize::try_from(args.max_long_polls).unwrap_or(usize::MAX),
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Demo")]
pub struct DemoArgs {
    /// Keep the data in this folder between runs. By default the data is deleted when the demo stops
    #[arg(long, env = "TASK_STATUS_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Address and port of the API: a loopback address. By default port 8080 of 127.0.0.1, or a free one if that is in
    /// use
    #[arg(long, env = "TASK_STATUS_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Address and port of /livez and /readyz: a loopback address. Not served by default
    #[arg(long, env = "TASK_STATUS_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Address and port of /metrics, for Prometheus: a loopback address. Not served by default
    #[arg(long, env = "TASK_STATUS_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Number of pending tasks at the start
    #[arg(long, default_value = "600", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pending: u32,
    /// Number of completed tasks of the last 90 days at the start
    #[arg(long, default_value = "20000", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub history: u32,
    /// Folder of the PostgreSQL programs (initdb, postgres). Searched for by default
    #[arg(long, env = "PG_BIN_DIR", value_name = "FOLDER")]
    pub pg_bin_dir: Option<PathBuf>,
    #[command(flatten)]
    pub api: ApiArgs,
}

#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The --admin-listen address of the service
    #[arg(long, env = "TASK_STATUS_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: SocketAddr,
    /// How long to wait for the response
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub timeout: Duration,
}

/// How long tasks are kept after their `modified`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    Off,
    Window(Duration),
}

impl FromStr for Retention {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            Ok(Self::Off)
        } else {
            humantime::parse_duration(text).map(Self::Window)
        }
    }
}

/// Conflicting or invalid settings. Each message says how to fix them.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("{0} is not a loopback address: the demo is served on this machine only")]
    DemoNotOnLoopback(SocketAddr),
    #[error(
        "no database is set.\n\
         Set DATABASE_URL (or --database-url), DATABASE_URL_FILE with a file that holds it, or PGHOST and the other \
         variables of libpq. PGSERVICE is not read."
    )]
    NoDatabase,
    #[error(
        "set one of DATABASE_URL (or --database-url) and DATABASE_URL_FILE (or --database-url-file), not both"
    )]
    TwoDatabaseUrls,
    #[error("cannot read {}, the file with the URL of the database", path.display())]
    DatabaseUrlFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "DATABASE_URL (or --database-url, or the content of DATABASE_URL_FILE) must begin with postgres:// or postgresql://"
    )]
    DatabaseUrlScheme,
    #[error("DATABASE_URL (or --database-url) cannot be read")]
    DatabaseUrl(#[source] sqlx::Error),
    #[error(
        "DATABASE_URL (or --database-url) has a raw \"{character}\" where it cannot be: write \"{character}\" in a \
         password as {encoded}, or set PGPASSWORD instead"
    )]
    RawCharacter { character: char, encoded: String },
    #[error("{} must be {allowed}", named(parameter))]
    DatabaseParameter {
        parameter: String,
        allowed: &'static str,
    },
    #[error("cannot read {}, the {parameter} of the database", path.display())]
    DatabaseFile {
        parameter: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "DATABASE_URL (or --database-url) has sslrootcert, or PGSSLROOTCERT is set, but only sslmode=verify-full and \
         verify-ca check the certificate of the server: add sslmode=verify-full"
    )]
    CertificateUnchecked,
    #[error(transparent)]
    ReadDatabase(#[from] OfStandbys),
    #[error(
        "--statement-timeout must be at least a millisecond and shorter than --request-timeout: the result of a longer \
         statement would be discarded"
    )]
    Timeouts,
    #[error(
        "--retention must be at least a minute, or `off`: a shorter one would delete tasks that still report"
    )]
    Retention,
    #[error("--write-timeout must be at least a second: networks pause too")]
    WriteTimeout,
    #[error("--idle-timeout must be at least a second: a client needs time for its next request")]
    IdleTimeout,
    #[error("{set} is set and {missing} is not: TLS needs both, a certificate and its key")]
    HalfOfTls {
        set: &'static str,
        missing: &'static str,
    },
}

/// An error of the settings of the database, in those of its standbys.
#[derive(Debug)]
pub struct OfStandbys(Box<ConfigError>);

impl From<ConfigError> for OfStandbys {
    fn from(error: ConfigError) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for OfStandbys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.replace("DATABASE_URL", "READ_DATABASE_URL");
        formatter.write_str(&text.replace("--database-url", "--read-database-url"))
    }
}

impl Error for OfStandbys {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A parameter of the URL of the database, or a variable of libpq.
fn named(parameter: &str) -> String {
    if parameter.starts_with("PG") {
        parameter.to_owned()
    } else {
        format!("the {parameter} of DATABASE_URL (or --database-url)")
    }
}

impl ServeArgs {
    /// Checks combinations of settings, which clap cannot.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.access.check(self.listen)?;
        let statement_timeout = self.limits.statement_timeout;
        if statement_timeout < Duration::from_millis(1) || statement_timeout >= self.api.request_timeout {
            return Err(ConfigError::Timeouts);
        }
        if matches!(self.retention, Retention::Window(window) if window < Duration::from_mins(1)) {
            return Err(ConfigError::Retention);
        }
        if self.write_timeout < Duration::from_secs(1) {
            return Err(ConfigError::WriteTimeout);
        }
        if self.idle_timeout < Duration::from_secs(1) {
            return Err(ConfigError::IdleTimeout);
        }
        self.tls.files().map(drop)
    }

    /// The bounds of the connections of clients, if the process may open this many file descriptors.
    pub fn connections(&self, descriptors: usize) -> ConnectionLimits {
        let given = |number: Option<NonZeroU32>| number.and_then(|number| usize::try_from(number.get()).ok());
        let database = usize::try_from(self.limits.max_connections.get()).unwrap_or(usize::MAX);
        let reserved = RESERVED_DESCRIPTORS.saturating_add(database);
        let free = descriptors.saturating_sub(reserved);
        let max = given(self.max_client_connections).unwrap_or(free.clamp(MIN_CONNECTIONS, MAX_CONNECTIONS));
        ConnectionLimits {
            max,
            max_per_address: given(self.max_connections_per_address).unwrap_or(max.div_ceil(4)),
            proxies: self.access.proxies(),
            write_timeout: self.write_timeout,
            idle_timeout: self.idle_timeout,
        }
    }

    pub fn schema(&self) -> Schema {
        if self.migrate {
            Schema::Migrate
        } else {
            Schema::Expect
        }
    }
}

impl DemoArgs {
    /// The addresses to try for the API, in order of preference.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        let given = [self.listen, self.admin_listen, self.metrics_listen];
        if let Some(address) = given.into_iter().flatten().find(|address| !is_loopback(*address)) {
            return Err(ConfigError::DemoNotOnLoopback(address));
        }
        Ok(match self.listen {
            Some(address) => vec![address],
            None => [8080, 0].map(|port| (Ipv4Addr::LOCALHOST, port).into()).to_vec(),
        })
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::middleware::hosts::AllowedHosts;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    fn serve(arguments: &[&str]) -> Result<(), ConfigError> {
        parsed(arguments).check()
    }

    fn parsed(arguments: &[&str]) -> Box<ServeArgs> {
        let base = [
            "task-status",
            "serve",
            "--database-url",
            "postgres://u:hunter2@h/d",
        ];
        let cli = Cli::try_parse_from(base.iter().chain(arguments)).expect("arguments that parse");
        assert!(!format!("{cli:?}").contains("hunter2"));
        match cli.command {
            Some(Command::Serve(args)) => args,
            other => panic!("not serve: {other:?}"),
        }
    }

    #[test]
    fn serving_needs_a_mode_and_a_second_flag_to_be_open_to_the_network() {
        let access = |arguments: &[&str]| match serve(arguments) {
            Err(ConfigError::Access(error)) => error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(access(&[]), AccessError::NoMode));
        assert!(serve(&["--auth", "none"]).is_ok());
        assert!(serve(&["--auth", "none", "--listen", "[::1]:80"]).is_ok());
        let public = ["--auth", "none", "--listen", "0.0.0.0:80"];
        assert!(matches!(access(&public), AccessError::Unprotected { .. }));
        assert!(serve(&[&public[..], &["--allow-unauthenticated"]].concat()).is_ok());
    }

    #[test]
    fn people_sign_in_at_an_issuer_only_with_tokens() {
        let issuer = [
            "--ui-oidc-issuer",
            "https://issuer.example",
            "--ui-oidc-client-id",
            "dashboard",
        ];
        let with = |arguments: &[&str]| serve(&[arguments, &issuer].concat());
        assert!(with(&["--auth", "jwt", "--jwt-key-file", "k"]).is_ok());
        let refused = with(&["--auth", "none"]);
        assert!(
            matches!(refused, Err(ConfigError::Access(AccessError::OtherMode { flag, .. })) if flag == issuer[0])
        );
    }

    #[test]
    fn tls_needs_a_certificate_and_a_key() {
        let base = ["--auth", "none"];
        let with = |arguments: &[&str]| serve(&[&base[..], arguments].concat());
        assert!(with(&["--tls-cert", "c", "--tls-key", "k"]).is_ok());
        for half in [["--tls-cert", "c"], ["--tls-key", "k"]] {
            assert!(matches!(with(&half), Err(ConfigError::HalfOfTls { set, .. }) if set == half[0]));
        }
    }

    #[test]
    fn the_statement_timeout_must_be_shorter_than_the_request_timeout() {
        let equal = ["--auth", "none", "--request-timeout", "5s"];
        assert!(matches!(serve(&equal), Err(ConfigError::Timeouts)));
    }

    #[test]
    fn connections_fit_the_file_descriptors_unless_they_are_given() {
        let bounds = |arguments: &[&str], descriptors| {
            let limits = parsed(arguments).connections(descriptors);
            (limits.max, limits.max_per_address)
        };
        assert_eq!(bounds(&[], usize::MAX), (20_000, 5000));
        assert_eq!(bounds(&[], 1024), (914, 229));
        assert_eq!(bounds(&[], 50), (16, 4));
        assert_eq!(bounds(&["--max-client-connections", "2000"], 50), (2000, 500));
        assert_eq!(bounds(&["--max-connections-per-address", "9"], 1024), (914, 9));
        let brief = ["--auth", "none", "--write-timeout", "999ms"];
        assert!(matches!(serve(&brief), Err(ConfigError::WriteTimeout)));
        let brief = ["--auth", "none", "--idle-timeout", "999ms"];
        assert!(matches!(serve(&brief), Err(ConfigError::IdleTimeout)));
    }

    #[test]
    fn without_authentication_hosts_are_those_of_this_machine_unless_they_are_given() {
        let hosts = |arguments: &[&str]| parsed(arguments).access.hosts();
        let open = ["--auth", "none", "--allow-unauthenticated"];
        assert!(matches!(hosts(&open), AllowedHosts::Loopback));
        assert!(matches!(hosts(&["--auth", "jwt"]), AllowedHosts::Any));
        let listed = [&open[..], &["--allowed-hosts", "a.example,[::1]"]].concat();
        assert!(matches!(hosts(&listed), AllowedHosts::Listed(hosts) if hosts.len() == 2));
    }
}
