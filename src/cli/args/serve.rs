//! The settings of `serve`.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::{AccessArgs, ApiArgs, ConfigError, DatabaseArgs, DatabaseLimits, ReadDatabaseArgs, TraceArgs};
use crate::http::connections::ConnectionLimits;
use crate::http::tls::TlsFiles;
use crate::store::schema::Schema;

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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{AccessError, Cli, Command};
    use crate::http::middleware::hosts::AllowedHosts;

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
