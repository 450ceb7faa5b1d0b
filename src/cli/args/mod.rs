//! Every setting of every subcommand: flag, environment variable, default, help.
#![expect(
    clippy::doc_markdown,
    reason = "the comments are the help text, which is no Markdown"
)]

mod access;
mod database;
mod token;
mod transfer;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use thiserror::Error;
use tracing_subscriber::filter::Targets;

use crate::http::base_path::BasePath;
use crate::http::middleware::cors::Origin;
use crate::http::state::EmptyStatus;
use crate::http::tls::TlsFiles;
use crate::pending::PendingConfig;
use crate::store::schema::Schema;
use crate::telemetry::LogFormat;
pub use access::{AccessArgs, AccessError, AuthMode};
pub use database::{DatabaseArgs, DatabaseLimits, DatabaseUrl};
pub use token::TokenArgs;
pub use transfer::{ExportArgs, ExportFormat, ImportArgs, PruneArgs, VerifyArgs};

/// Which background work is still pending, and how is it doing.
///
/// Serves task statuses from PostgreSQL over the Task Management API: GET /task-status/pending-tasks.
/// Without a subcommand it runs `demo`: a private PostgreSQL with sample tasks, on this machine only.
///
/// Every flag can also be set by the environment variable that its help names.
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
    /// Try it out: a private PostgreSQL with sample tasks that keep moving, served on this machine
    Demo(DemoArgs),
    /// Bring the tables of DATABASE_URL up to date, and say who may use them
    Migrate(MigrateArgs),
    Import(ImportArgs),
    Export(ExportArgs),
    Prune(PruneArgs),
    Verify(VerifyArgs),
    Token(TokenArgs),
    /// Ask a running service whether it is ready; the exit status is the answer
    Healthcheck(HealthcheckArgs),
    /// Print the OpenAPI document of the API
    Openapi(OpenapiArgs),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub struct Logging {
    /// Form of the log lines on stderr
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

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        task-status migrate\n  \
        task-status migrate --grant-to task_status_service")]
pub struct MigrateArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Grant this role what `serve --migrate false`, `import`, `export` and `prune` need, and take every other
    /// privilege on the program's tables from it and from PUBLIC. The role exists, and does not own the tables; after
    /// each migration it has to be named again
    #[arg(long, env = "TASK_STATUS_GRANT_TO", value_parser = NonEmptyStringValueParser::new(), help_heading = "Database", value_name = "ROLE")]
    pub grant_to: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Serving")]
pub struct ServeArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub access: AccessArgs,
    #[command(flatten)]
    pub api: ApiArgs,
    /// Address and port of the API
    #[arg(
        long,
        env = "TASK_STATUS_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
    /// Address and port of /livez and /readyz, for whoever supervises the process; not served unless given
    #[arg(long, env = "TASK_STATUS_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Address and port of /metrics, for Prometheus; not served unless given. Whoever reaches it may read it, whatever
    /// --auth says, so it should be none that the world can reach
    #[arg(long, env = "TASK_STATUS_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// How long requests under way are waited for when the service stops
    #[arg(long, env = "TASK_STATUS_SHUTDOWN_TIMEOUT", default_value = "20s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub shutdown_timeout: Duration,
    /// Run missing migrations before serving, as the owner of the tables. With `false` a database that lacks any is refused
    #[arg(long, env = "TASK_STATUS_MIGRATE", default_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new(), help_heading = "Database", value_name = "BOOL")]
    pub migrate: bool,
    /// How long a task without a sign of life is kept, pending or not, such as 90d; `off` keeps all for ever
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
}

/// With which certificate the API is served.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// Serve the API over TLS with the certificates in this file (PEM): the server's own first, then those between it
    /// and the authority's. Read again when it changes
    #[arg(long, env = "TASK_STATUS_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the first of them (PEM, without a passphrase). Read again when it changes
    #[arg(long, env = "TASK_STATUS_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// The files, where the API is to be served over TLS.
    ///
    /// # Errors
    /// Only one of them is set.
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
    /// Paths under which the API answers besides the root, separated by commas
    #[arg(
        long,
        env = "TASK_STATUS_BASE_PATHS",
        default_value = "/beta,/v2024,/v2025,/v2026",
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

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct ApiArgs {
    #[command(flatten)]
    pub paths: PathArgs,
    /// Status where nothing at all is pending: 204 as the contract says, or 200 with [] for clients that cannot read
    /// a 204 (the paginators of the official TypeScript and Python SDKs)
    #[arg(long, env = "TASK_STATUS_EMPTY_STATUS", value_enum, default_value_t)]
    pub empty_status: EmptyStatus,
    /// Origins whose pages browsers let call the API (CORS), separated by commas, each a scheme, a host and, if it is not
    /// the usual one, a port; none unless given
    #[arg(
        long,
        env = "TASK_STATUS_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub cors_origins: Vec<Origin>,
    /// How many requests may be under way at a time; further ones are answered with 503 at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_CONCURRENT_REQUESTS",
        default_value = "1000",
        value_name = "NUMBER"
    )]
    pub max_concurrent_requests: NonZeroU32,
    /// How many MiB of pages of pending tasks are kept in memory, ready to be sent
    #[arg(long, env = "TASK_STATUS_PAGE_CACHE_MIB", default_value = "32", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub page_cache_mib: u32,
    /// How long a request for pending tasks waits for the database to say that what is in memory is current, before it
    /// is answered with 503
    #[arg(long, env = "TASK_STATUS_FRESHNESS_TIMEOUT", default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub freshness_timeout: Duration,
    /// How long a client may wait for a page of pending tasks to change (Prefer: wait); 0s answers all at once
    #[arg(long, env = "TASK_STATUS_LONG_POLL_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub long_poll_timeout: Duration,
    /// How many clients may wait so at a time; further ones are answered at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_LONG_POLLS",
        default_value = "10000",
        value_name = "NUMBER"
    )]
    pub max_long_polls: u32,
    /// How long a request may take before it is answered with 503
    #[arg(long, env = "TASK_STATUS_REQUEST_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub request_timeout: Duration,
}

impl From<&ApiArgs> for PendingConfig {
    fn from(args: &ApiArgs) -> Self {
        Self {
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
    /// Keep the data in this folder between runs; without it they are gone when the demo stops
    #[arg(long, env = "TASK_STATUS_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Address and port of the API: a loopback address. Unless given, port 8080 of 127.0.0.1, or another if it is in
    /// use
    #[arg(long, env = "TASK_STATUS_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// How many pending tasks to begin with
    #[arg(long, default_value = "600", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub pending: u32,
    /// How many completed tasks of the last 90 days to begin with
    #[arg(long, default_value = "20000", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub history: u32,
    /// The folder of the PostgreSQL programs (initdb, postgres) to use; unless given they are looked for
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
    /// How long to wait for its answer
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub timeout: Duration,
}

/// How long tasks are kept after their last sign of life.
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

/// Settings that do not go together. Each message says what would.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error(transparent)]
    Authenticator(#[from] AccessError),
    #[error("the demo serves on loopback addresses only, and {0} is none")]
    DemoNotOnLoopback(SocketAddr),
    #[error("DATABASE_URL (or --database-url) must begin with postgres:// or postgresql://")]
    DatabaseUrlScheme,
    #[error("DATABASE_URL (or --database-url) cannot be read")]
    DatabaseUrl(#[source] sqlx::Error),
    #[error("cannot read {}, the {parameter} of DATABASE_URL (or --database-url)", path.display())]
    DatabaseFile {
        parameter: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "DATABASE_URL (or --database-url) has sslrootcert, but only sslmode=verify-full and verify-ca check the \
         certificate of the server: add sslmode=verify-full"
    )]
    CertificateUnchecked,
    #[error(
        "--statement-timeout must be at least a millisecond and shorter than --request-timeout: a statement that \
         outlives its request does its work for nobody"
    )]
    Timeouts,
    #[error(
        "--retention must be at least a minute, or `off`: a shorter one would delete tasks that still report"
    )]
    Retention,
    #[error("{set} is set and {missing} is not: TLS needs both, a certificate and its key")]
    HalfOfTls {
        set: &'static str,
        missing: &'static str,
    },
}

impl ServeArgs {
    /// Checks what clap cannot: settings that do not go together.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        self.access.check(self.listen)?;
        let statement_timeout = self.limits.statement_timeout;
        if statement_timeout < Duration::from_millis(1) || statement_timeout >= self.api.request_timeout {
            return Err(ConfigError::Timeouts);
        }
        if matches!(self.retention, Retention::Window(window) if window < Duration::from_mins(1)) {
            return Err(ConfigError::Retention);
        }
        self.tls.files().map(drop)
    }

    /// What to do about the schema.
    pub fn schema(&self) -> Schema {
        if self.migrate {
            Schema::Migrate
        } else {
            Schema::Expect
        }
    }
}

impl DemoArgs {
    /// The addresses to try, the best first.
    ///
    /// # Errors
    /// The one that was asked for is no loopback address.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, ConfigError> {
        match self.listen {
            Some(address) if is_loopback(address) => Ok(vec![address]),
            Some(address) => Err(ConfigError::DemoNotOnLoopback(address)),
            None => Ok([8080, 0].map(|port| (Ipv4Addr::LOCALHOST, port).into()).to_vec()),
        }
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    fn serve(arguments: &[&str]) -> Result<(), ConfigError> {
        let base = [
            "task-status",
            "serve",
            "--database-url",
            "postgres://u:hunter2@h/d",
        ];
        let cli = Cli::try_parse_from(base.iter().chain(arguments)).expect("arguments that parse");
        assert!(!format!("{cli:?}").contains("hunter2"));
        match cli.command {
            Some(Command::Serve(args)) => args.check(),
            other => panic!("not serve: {other:?}"),
        }
    }

    #[test]
    fn serving_needs_a_mode_and_opens_to_everybody_only_when_told_twice() {
        let access = |arguments: &[&str]| match serve(arguments) {
            Err(ConfigError::Authenticator(error)) => error,
            other => panic!("{other:?}"),
        };
        assert!(matches!(access(&[]), AccessError::NoMode));
        assert!(serve(&["--auth", "none"]).is_ok());
        assert!(serve(&["--auth", "none", "--listen", "[::1]:80"]).is_ok());
        let public = ["--auth", "none", "--listen", "0.0.0.0:80"];
        assert!(matches!(access(&public), AccessError::OpenToEverybody { .. }));
        assert!(serve(&[&public[..], &["--allow-unauthenticated"]].concat()).is_ok());
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
    fn a_statement_may_not_outlive_its_request() {
        let equal = ["--auth", "none", "--request-timeout", "5s"];
        assert!(matches!(serve(&equal), Err(ConfigError::Timeouts)));
    }
}
