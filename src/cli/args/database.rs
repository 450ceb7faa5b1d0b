//! The settings of the database and of the connections to it.

use std::fmt;
use std::fs::File;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::ConfigError;
use crate::store::database::Limits;

#[derive(Debug, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The PostgreSQL to use, such as postgres://user:password@host:5432/name. Prefer the variable: other users of
    /// this machine can see the arguments of a process
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: DatabaseUrl,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseLimits {
    /// Connections to the database, at most
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

/// The URL of the database. It contains a password and is never shown.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL as connection options. An error does not repeat the URL, which contains a password.
    pub fn options(&self) -> Result<PgConnectOptions, ConfigError> {
        // The driver accepts any scheme and fails later, at the name of the host.
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| self.0.starts_with(scheme))
        {
            return Err(ConfigError::DatabaseUrlScheme);
        }
        let options = PgConnectOptions::from_str(&self.0).map_err(ConfigError::DatabaseUrl)?;
        self.check_files(options.get_ssl_mode())?;
        Ok(options)
    }

    /// Checks that the TLS files can be read and that the root certificate is used. The driver's error names no file, and
    /// looks like a database that is not up yet.
    fn check_files(&self, mode: PgSslMode) -> Result<(), ConfigError> {
        // Parsed once more, since the options do not expose these parameters.
        let Ok(url) = reqwest::Url::parse(&self.0) else {
            return Ok(());
        };
        for (parameter, path) in url.query_pairs() {
            let is_root = ["sslrootcert", "ssl-root-cert", "ssl-ca"].contains(&&*parameter);
            // Unlike libpq, the driver ignores the root certificate with `require`.
            if is_root && !matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull) {
                return Err(ConfigError::CertificateUnchecked);
            }
            let is_file = is_root || ["sslcert", "ssl-cert", "sslkey", "ssl-key"].contains(&&*parameter);
            // The parameter may contain the PEM text itself instead of a path.
            if is_file && !path.trim().starts_with("-----BEGIN") {
                File::open(&*path).map_err(|source| ConfigError::DatabaseFile {
                    parameter: parameter.to_string(),
                    path: PathBuf::from(&*path),
                    source,
                })?;
            }
        }
        Ok(())
    }
}

impl FromStr for DatabaseUrl {
    type Err = std::convert::Infallible;

    /// Accepts any string: an error of the command line parser would print it, password included.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_files_must_be_readable_and_in_use() {
        let options = |parameters: &str| DatabaseUrl(format!("postgres://h/d?{parameters}")).options();
        for given in ["sslrootcert", "ssl-ca", "sslcert", "sslkey"] {
            let missing = options(&format!("sslmode=verify-full&{given}=/no/where"));
            assert!(
                matches!(missing, Err(ConfigError::DatabaseFile { parameter, .. }) if parameter == given)
            );
        }
        assert!(options("sslmode=verify-full&sslrootcert=/").is_ok());
        assert!(options("sslmode=verify-ca&sslrootcert=-----BEGIN%20CERTIFICATE-----").is_ok());
        for unchecked in ["sslrootcert=/", "ssl-ca=/&sslmode=require"] {
            assert!(
                matches!(options(unchecked), Err(ConfigError::CertificateUnchecked)),
                "{unchecked}"
            );
        }
    }

    #[test]
    fn other_urls_are_refused_without_repeating_them() {
        let error = |url: &str| {
            DatabaseUrl(url.to_owned())
                .options()
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(error("postgres://u:hunter2@h/d"), None);
        for url in [
            "mysql://u:hunter2@h/d",
            "u:hunter2@h",
            "postgres://u:hunter2@h:port/d",
        ] {
            let error = error(url).expect("an error");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
