//! The URL of the database, with several hosts, parameters and environment variables as libpq has them.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::ConfigError;
use crate::store::hosts::Hosts;
use crate::watched_file::read_text;

/// The port of a host without one, if there are several hosts.
const DEFAULT_PORT: &str = "5432";
/// The shortest `connect_timeout`, as in libpq.
const MIN_CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The parameters that the driver reads, beside `options[...]`.
const OF_DRIVER: [&str; 15] = [
    "application_name",
    "dbname",
    "options",
    "password",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The variables of libpq that the driver does not read, reads without a check, or ignores, and their parameters. It reads
/// PGUSER, PGPASSWORD, PGPASSFILE, PGDATABASE and PGOPTIONS.
const VARIABLES: [(&str, &str); 15] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
    ("PGSERVICE", "service"),
    ("PGREQUIREAUTH", "require_auth"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGSSLCRL", "sslcrl"),
    ("PGGSSENCMODE", "gssencmode"),
];

/// The URL of the database. It contains a password and is never shown.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Names nothing: for the variables of libpq.
    pub fn empty() -> Self {
        Self("postgres://".to_owned())
    }

    /// The URL in a file, without whitespace around it.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let content = read_text(path).map_err(|source| ConfigError::DatabaseUrlFile {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self(content.trim().to_owned()))
    }

    /// The servers that the URL and the variables of libpq name, for this purpose. An error does not repeat the URL, which
    /// contains a password.
    pub fn hosts(&self, purpose: Purpose) -> Result<Hosts, ConfigError> {
        let (nodes, connect_timeout) = self.read(purpose, variable)?;
        Ok(Hosts::new(nodes, connect_timeout))
    }

    fn read(
        &self,
        purpose: Purpose,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(Vec<PgConnectOptions>, Option<Duration>), ConfigError> {
        // The driver accepts any scheme and fails later, at the name of the host.
        let (_, rest) = self
            .0
            .split_once("://")
            .filter(|(scheme, _)| ["postgres", "postgresql"].contains(scheme))
            .ok_or(ConfigError::DatabaseUrlScheme)?;
        // The driver knows only one host, so each has a URL of its own, without an authority.
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        refuse_raw(authority, path)?;
        let url = Url::parse(&format!("postgres://{path}")).map_err(unreadable)?;

        let mut settings = Settings::of(authority, purpose)?;
        let supplied = VARIABLES.into_iter().filter(|(_, parameter)| match *parameter {
            // These name the primary.
            "host" | "hostaddr" | "port" | "target_session_attrs" if purpose == Purpose::Read => false,
            "host" | "hostaddr" => settings.hosts == [""],
            "port" => settings.ports.iter().all(String::is_empty),
            parameter => !url.query_pairs().any(|(given, _)| given == parameter),
        });
        let supplied: Vec<Given> = supplied
            .filter_map(|(name, parameter)| {
                Some(Given {
                    parameter: parameter.to_owned(),
                    value: variable(name)?,
                    variable: Some(name),
                })
            })
            .collect();
        let in_url = url.query_pairs().map(|(parameter, value)| Given {
            parameter: parameter.into_owned(),
            value: value.into_owned(),
            variable: None,
        });
        for given in supplied.into_iter().chain(in_url) {
            settings.set(given)?;
        }
        let nodes = settings.nodes(&url)?;
        check_files(&settings.common, nodes[0].get_ssl_mode())?;
        for Given {
            parameter, variable, ..
        } in settings.unknown
        {
            tracing::warn!(
                parameter,
                variable,
                "ignoring an unknown parameter of the database"
            );
        }
        Ok((nodes, settings.connect_timeout))
    }
}

/// The servers that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The one that takes writes.
    Write,
    /// Standbys.
    Read,
}

impl Purpose {
    /// The values of `target_session_attrs` that name such servers, and their description.
    fn session_attrs(self) -> ([&'static str; 4], &'static str) {
        match self {
            Self::Write => (
                ["any", "read-write", "primary", ""],
                "read-write, primary or any: the program needs the server that takes writes",
            ),
            Self::Read => (
                ["any", "read-only", "standby", "prefer-standby"],
                "read-only, standby, prefer-standby or any: reads use standbys alone",
            ),
        }
    }
}

/// The settings of a URL and of variables.
struct Settings {
    purpose: Purpose,
    hosts: Vec<String>,
    numeric: Option<Vec<String>>,
    ports: Vec<String>,
    /// The parameter or variable that has set the ports.
    ports_by: &'static str,
    connect_timeout: Option<Duration>,
    /// Parameters of the driver, for every server.
    common: Vec<(String, String)>,
    unknown: Vec<Given>,
}

impl Settings {
    /// The user, the password, the hosts and their ports.
    fn of(authority: &str, purpose: Purpose) -> Result<Self, ConfigError> {
        let (userinfo, addresses) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let mut common = Vec::new();
        for (parameter, value) in [("user", user), ("password", password)] {
            if !value.is_empty() {
                common.push((parameter.to_owned(), decode(value)?));
            }
        }
        let addresses: Vec<_> = addresses.split(',').map(address).collect::<Result<_, _>>()?;
        let (hosts, ports) = addresses.into_iter().unzip();
        Ok(Self {
            purpose,
            hosts,
            numeric: None,
            ports,
            ports_by: "port",
            connect_timeout: None,
            common,
            unknown: Vec::new(),
        })
    }

    /// Sets one, replacing what was set before.
    fn set(&mut self, given: Given) -> Result<(), ConfigError> {
        let value = given.value.as_str();
        match given.parameter.as_str() {
            "host" => self.hosts = list(value),
            "hostaddr" => self.numeric = Some(list(value)),
            "port" => {
                self.ports = list(value);
                self.ports_by = given.variable.unwrap_or("port");
            }
            "connect_timeout" => {
                let seconds = u64::try_from(given.integer()?).ok().filter(|number| *number > 0);
                self.connect_timeout =
                    seconds.map(|seconds| Duration::from_secs(seconds).max(MIN_CONNECT_TIMEOUT));
            }
            // The driver cannot set them. The bounds of each use of a session serve the same end.
            "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count"
            | "tcp_user_timeout" => drop(given.integer()?),
            "target_session_attrs" => {
                let (values, allowed) = self.purpose.session_attrs();
                if value.is_empty() || !values.contains(&value) {
                    return Err(given.wrong(allowed));
                }
            }
            // Only one host takes writes, and standbys take turns.
            "load_balance_hosts" if ["disable", "random"].contains(&value) => {}
            "load_balance_hosts" => return Err(given.wrong("disable or random")),
            // The driver would ignore a variable with another value.
            "sslmode" | "ssl-mode" if value.parse::<PgSslMode>().is_err() => {
                return Err(given.wrong("disable, allow, prefer, require, verify-ca or verify-full"));
            }
            known if OF_DRIVER.contains(&known) || known.starts_with("options[") => {
                self.common.push((given.parameter, given.value));
            }
            // The rest of a password after a raw `?`.
            name if name.contains('@') || value.contains('@') => return Err(raw('?')),
            _ => self.unknown.push(given),
        }
        Ok(())
    }

    /// The options of each server. The path of the URL names the database.
    fn nodes(&mut self, url: &Url) -> Result<Vec<PgConnectOptions>, ConfigError> {
        if ![1, self.hosts.len()].contains(&self.ports.len()) {
            return Err(wrong(self.ports_by, "one for all hosts, or one for each"));
        }
        if let Some(numeric) = self.numeric.take() {
            if self.hosts != [""] && self.hosts.len() != numeric.len() {
                return Err(wrong("hostaddr", "one for each host"));
            }
            self.hosts = numeric;
        }
        let several = self.hosts.len() > 1;
        let mut nodes = Vec::with_capacity(self.hosts.len());
        for (host, port) in self.hosts.iter().zip(self.ports.iter().cycle()) {
            let port = if several && port.is_empty() {
                DEFAULT_PORT
            } else {
                port
            };
            if !port.is_empty() && !is_port(port) {
                return Err(wrong(self.ports_by, "a number from 1 to 65535"));
            }
            let own = [("host", host.as_str()), ("port", port)];
            let mut url = url.clone();
            url.query_pairs_mut()
                .clear()
                .extend_pairs(&self.common)
                .extend_pairs(own.into_iter().filter(|(_, value)| !value.is_empty()));
            nodes.push(PgConnectOptions::from_str(url.as_str()).map_err(ConfigError::DatabaseUrl)?);
        }
        Ok(nodes)
    }
}

/// A parameter, of the URL or by a variable of libpq.
struct Given {
    parameter: String,
    value: String,
    variable: Option<&'static str>,
}

impl Given {
    fn integer(&self) -> Result<i32, ConfigError> {
        self.value.trim().parse().map_err(|_| self.wrong("an integer"))
    }

    fn wrong(&self, allowed: &'static str) -> ConfigError {
        wrong(self.variable.unwrap_or(&self.parameter), allowed)
    }
}

/// The value of an environment variable; an empty one counts as missing.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Refuses a URL with a character in the password that ends it there. Without this check the rest of the password would be
/// taken for a port, a database or a parameter, and logged.
fn refuse_raw(authority: &str, path: &str) -> Result<(), ConfigError> {
    if path.contains('#') {
        return Err(raw('#'));
    }
    let (name, parameters) = path.split_once('?').unwrap_or((path, ""));
    // The supposed port is a part of the password.
    let is_cut = || {
        let (_, port) = authority.rsplit_once(':').unwrap_or(("", ""));
        !authority.contains('@') && !port.is_empty() && !port.ends_with(']') && !is_port(port)
    };
    match path.chars().next() {
        _ if name.contains('@') => Err(raw('/')),
        Some(delimiter) if parameters.contains('@') && is_cut() => Err(raw(delimiter)),
        _ => Ok(()),
    }
}

fn raw(character: char) -> ConfigError {
    ConfigError::RawCharacter {
        character,
        encoded: format!("%{:02X}", u32::from(character)),
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A host and its port, which may be empty.
fn address(text: &str) -> Result<(String, String), ConfigError> {
    let (host, port) = match text.strip_prefix('[').map(|ipv6| ipv6.split_once(']')) {
        None => text.split_once(':').unwrap_or((text, "")),
        Some(Some((ipv6, ""))) => (ipv6, ""),
        Some(Some((ipv6, port))) if port.starts_with(':') => (ipv6, &port[1..]),
        Some(_) => {
            let allowed =
                "a name, an address (IPv6 in brackets), or the directory of a socket (percent-encoded)";
            return Err(wrong("host", allowed));
        }
    };
    Ok((decode(host)?, port.to_owned()))
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::to_owned).collect()
}

fn wrong(parameter: &str, allowed: &'static str) -> ConfigError {
    ConfigError::DatabaseParameter {
        parameter: parameter.to_owned(),
        allowed,
    }
}

fn decode(text: &str) -> Result<String, ConfigError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| raw('%'))?;
    Ok(decoded.into_owned())
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> ConfigError {
    ConfigError::DatabaseUrl(sqlx::Error::Configuration(error.into()))
}

/// Checks that the TLS files can be read and that the root certificate is used. The driver's error names no file, and looks
/// like a database that is not up yet.
fn check_files(parameters: &[(String, String)], mode: PgSslMode) -> Result<(), ConfigError> {
    for (parameter, path) in parameters {
        let is_root = ["sslrootcert", "ssl-root-cert", "ssl-ca"].contains(&&**parameter);
        // Unlike libpq, the driver ignores the root certificate with `require`.
        if is_root && !matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull) {
            return Err(ConfigError::CertificateUnchecked);
        }
        let is_file = is_root || ["sslcert", "ssl-cert", "sslkey", "ssl-key"].contains(&&**parameter);
        // The parameter may contain the PEM text itself instead of a path.
        if is_file && !path.trim().starts_with("-----BEGIN") {
            File::open(path).map_err(|source| ConfigError::DatabaseFile {
                parameter: parameter.clone(),
                path: PathBuf::from(path),
                source,
            })?;
        }
    }
    Ok(())
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
mod tests;
