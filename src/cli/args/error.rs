//! Faults of settings that the parser of the command line does not see.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::AccessError;

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
