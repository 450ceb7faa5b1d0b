//! The settings of the database and of the connections to it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::database_url::{Purpose, variable};
use super::{ConfigError, DatabaseUrl, OfStandbys};
use crate::store::database::Limits;
use crate::store::hosts::Hosts;

/// The variables of libpq of which one is enough to name a database.
const NAMES: [&str; 3] = ["PGHOST", "PGHOSTADDR", "PGDATABASE"];

#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The PostgreSQL to use, such as postgres://user:password@host:5432/name. Of several hosts, as in
    /// postgres://a,b:5433/name, the one that takes writes is used. Prefer the variable: other users of this machine can
    /// see the arguments of a process. The variables of libpq (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGPASSFILE, PGDATABASE,
    /// PGSSLMODE and others) supply what the URL lacks, and suffice without one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<DatabaseUrl>,
    /// File with the URL of the database, read at the start
    #[arg(long, env = "DATABASE_URL_FILE", value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
}

impl DatabaseArgs {
    /// The servers of the database. Reads a file.
    pub fn hosts(&self) -> Result<Hosts, ConfigError> {
        let url = match (&self.database_url, &self.database_url_file) {
            (Some(_), Some(_)) => return Err(ConfigError::TwoDatabaseUrls),
            (Some(url), None) => url.clone(),
            (None, Some(path)) => DatabaseUrl::from_file(path)?,
            (None, None) if NAMES.iter().any(|name| variable(name).is_some()) => DatabaseUrl::empty(),
            (None, None) => return Err(ConfigError::NoDatabase),
        };
        url.hosts(Purpose::Write)
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct ReadDatabaseArgs {
    /// Streaming standbys that answer reads when they are current, such as postgres://user:password@a,b:5433/name. Each has
    /// as many connections as --max-connections says. What it lacks comes from the variables of libpq, except hosts and ports
    #[arg(long, env = "READ_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub read_database_url: Option<DatabaseUrl>,
    /// File with the URL of the standbys, read at the start
    #[arg(long, env = "READ_DATABASE_URL_FILE", value_name = "FILE")]
    pub read_database_url_file: Option<PathBuf>,
}

impl ReadDatabaseArgs {
    /// The standbys, if reads use any. Reads a file.
    pub fn hosts(&self) -> Result<Option<Hosts>, ConfigError> {
        let url = match (&self.read_database_url, &self.read_database_url_file) {
            (Some(_), Some(_)) => Err(ConfigError::TwoDatabaseUrls),
            (Some(url), None) => Ok(url.clone()),
            (None, Some(path)) => DatabaseUrl::from_file(path),
            (None, None) => return Ok(None),
        };
        let hosts = url.and_then(|url| url.hosts(Purpose::Read));
        Ok(Some(hosts.map_err(OfStandbys::from)?))
    }
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseLimits {
    /// Connections to the database, at most. A client uses half of them at most, and a quarter is for pages of pending
    /// tasks alone; each is one at least, and with 1 all share it
    #[arg(
        long,
        env = "TASK_STATUS_MAX_CONNECTIONS",
        default_value = "10",
        value_name = "NUMBER"
    )]
    pub max_connections: NonZeroU32,
    /// How long a request waits for a free connection
    #[arg(long, env = "TASK_STATUS_ACQUIRE_TIMEOUT", default_value = "3s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub acquire_timeout: Duration,
    /// How long a statement may take before the database cancels it
    #[arg(long, env = "TASK_STATUS_STATEMENT_TIMEOUT", default_value = "5s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub statement_timeout: Duration,
}

impl From<&DatabaseLimits> for Limits {
    fn from(args: &DatabaseLimits) -> Self {
        Self {
            max_connections: args.max_connections.get(),
            acquire_timeout: args.acquire_timeout,
            statement_timeout: args.statement_timeout,
        }
    }
}
