//! The command line: flags, environment variables, defaults and help of every subcommand.
#![expect(clippy::doc_markdown, reason = "the comments are help texts, not Markdown")]

mod access;
mod api;
mod database;
mod database_url;
mod demo;
mod error;
mod pending;
mod serve;
mod token;
mod traces;
mod transfer;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::filter::Targets;

use crate::telemetry::LogFormat;
use crate::telemetry::traces::{TraceError, TraceSettings};
pub use access::{AccessArgs, AccessError, AuthMode};
pub use api::{ApiArgs, PathArgs};
pub use database::{DatabaseArgs, DatabaseLimits, ReadDatabaseArgs};
pub use database_url::DatabaseUrl;
pub use demo::DemoArgs;
pub use error::{ConfigError, OfStandbys};
pub use pending::PendingArgs;
pub use serve::{ADMIN_CONNECTIONS, Retention, ServeArgs, TlsArgs};
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

#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The --admin-listen address of the service
    #[arg(long, env = "TASK_STATUS_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: SocketAddr,
    /// How long to wait for the response
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub timeout: Duration,
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
