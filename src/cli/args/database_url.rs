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
mod tests {
    use super::super::OfStandbys;
    use super::*;

    fn read(url: &str) -> Result<(Vec<PgConnectOptions>, Option<Duration>), ConfigError> {
        with_variables(url, &[])
    }

    fn with_variables(
        url: &str,
        variables: &[(&str, &str)],
    ) -> Result<(Vec<PgConnectOptions>, Option<Duration>), ConfigError> {
        DatabaseUrl(url.to_owned()).read(Purpose::Write, |name| {
            let given = variables.iter().find(|(variable, _)| *variable == name);
            given.map(|(_, value)| (*value).to_owned())
        })
    }

    /// The hosts of a URL, as `host:port`.
    fn hosts(url: &str) -> String {
        let (nodes, _) = read(url).unwrap_or_else(|error| panic!("{url}: {error:?}"));
        let host = |node: &PgConnectOptions| match node.get_socket() {
            Some(socket) => format!("{}:{}", socket.display(), node.get_port()),
            None => format!("{}:{}", node.get_host(), node.get_port()),
        };
        nodes.iter().map(host).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn hosts_are_read_as_libpq_reads_them() {
        for (url, expected) in [
            ("postgres://a/d", "a:5432"),
            ("postgresql://a:1/d", "a:1"),
            ("postgres://a,b:5433/d", "a:5432 b:5433"),
            ("postgres://u:p@a:1,b:2/d?sslmode=disable", "a:1 b:2"),
            ("postgres://a,b/d?port=6000", "a:6000 b:6000"),
            ("postgres://a,b/d?port=1,2", "a:1 b:2"),
            ("postgres://h:5433/d?host=b,c", "b:5433 c:5433"),
            ("postgres://u@/d?host=/tmp,b&port=1,2", "/tmp:1 b:2"),
            ("postgres://%2Frun%2Fpg,%2Ftmp:7/d", "/run/pg:5432 /tmp:7"),
            ("postgres://[::1]:1,[fe80::1]/d", "::1:1 fe80::1:5432"),
            (
                "postgres://h,i/d?hostaddr=127.0.0.1,::1&port=1",
                "127.0.0.1:1 ::1:1",
            ),
            ("postgres://a:/d?", "a:5432"),
        ] {
            assert_eq!(hosts(url), expected, "{url}");
        }
    }

    #[test]
    fn every_host_has_the_other_parts_of_the_url() {
        let (nodes, _) = read("postgres://us%40er:p@a,b/da%20ta?sslmode=require").expect("a URL");
        for node in nodes {
            assert_eq!(node.get_username(), "us@er");
            assert_eq!(node.get_database(), Some("da ta"));
            assert!(matches!(node.get_ssl_mode(), PgSslMode::Require));
        }
    }

    #[test]
    fn parameters_of_libpq_are_accepted_or_refused_with_the_reason() {
        let timeout = |value: &str| {
            read(&format!("postgres://h/d?connect_timeout={value}"))
                .expect("a URL")
                .1
        };
        assert_eq!(timeout("0"), None);
        assert_eq!(timeout("-1"), None);
        assert_eq!(timeout("1"), Some(Duration::from_secs(2)));
        assert_eq!(timeout("10"), Some(Duration::from_secs(10)));
        for accepted in [
            "target_session_attrs=read-write",
            "target_session_attrs=primary",
            "target_session_attrs=any",
            "load_balance_hosts=random",
            "keepalives=1&keepalives_idle=5&keepalives_interval=1&keepalives_count=3&tcp_user_timeout=3000",
            "sslpassword=hunter2",
        ] {
            assert!(
                read(&format!("postgres://h,i/d?{accepted}")).is_ok(),
                "{accepted}"
            );
        }
        for (refused, named) in [
            ("postgres://h/d?target_session_attrs=standby", "takes writes"),
            (
                "postgres://h/d?target_session_attrs=prefer-standby",
                "takes writes",
            ),
            ("postgres://h/d?target_session_attrs=read-only", "takes writes"),
            (
                "postgres://h/d?target_session_attrs=hunter2",
                "target_session_attrs",
            ),
            ("postgres://h/d?load_balance_hosts=hunter2", "load_balance_hosts"),
            ("postgres://h/d?connect_timeout=hunter2", "connect_timeout"),
            ("postgres://h/d?keepalives=", "keepalives"),
            ("postgres://h/d?tcp_user_timeout=1s", "tcp_user_timeout"),
            ("postgres://a,b,c/d?port=1,2", "one for each"),
            ("postgres://a,b/d?host=c", "one for each"),
            ("postgres://a,b/d?hostaddr=::1", "hostaddr"),
            ("postgres://u:hunter2@a,b:0/d", "65535"),
            ("postgres://u:hunter2@a,b:65536/d", "65535"),
            ("postgres://u:hunter2@[::1/d", "brackets"),
            ("postgres://u:hunter2@[::1]x/d", "brackets"),
            ("postgres://h/d?sslmode=hunter2", "verify-full"),
        ] {
            let error = read(refused).expect_err(refused).to_string();
            assert!(
                error.contains(named) && !error.contains("hunter2"),
                "{refused}: {error}"
            );
        }
    }

    #[test]
    fn a_url_for_reads_names_standbys() {
        let read = |url: &str| {
            let of_primary = |name: &str| match name {
                "PGHOST" | "PGHOSTADDR" => Some("primary".to_owned()),
                "PGPORT" => Some("6000".to_owned()),
                "PGTARGETSESSIONATTRS" => Some("read-write".to_owned()),
                "PGSSLMODE" => Some("require".to_owned()),
                _ => None,
            };
            DatabaseUrl(url.to_owned()).read(Purpose::Read, of_primary)
        };
        for attrs in ["any", "read-only", "standby", "prefer-standby"] {
            let (nodes, _) = read(&format!("postgres://a,b/d?target_session_attrs={attrs}")).expect("a URL");
            assert_eq!((nodes[1].get_host(), nodes[1].get_port()), ("b", 5432));
            assert!(matches!(nodes[1].get_ssl_mode(), PgSslMode::Require));
        }
        for attrs in ["read-write", "primary", ""] {
            let error = read(&format!("postgres://a/d?target_session_attrs={attrs}")).expect_err(attrs);
            let error = ConfigError::from(OfStandbys::from(error)).to_string();
            let expected =
                "the target_session_attrs of READ_DATABASE_URL (or --read-database-url) must be read-only";
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn a_raw_character_in_the_password_is_named() {
        for (url, character) in [
            ("postgres://u:hunter#2@h/d", "\"#\" in a password as %23"),
            ("postgres://u:1#2@h/d", "%23"),
            ("postgres://u:p@h/d?password=hunter#2", "%23"),
            ("postgres://u:hunter/2@h/d", "%2F"),
            ("postgres://u:12/34@h/d", "%2F"),
            ("postgres://u:h@u/n@h/d", "%2F"),
            ("postgres://u:hunter/2?3@h/d", "%2F"),
            ("postgres://u:hunter?2@h/d", "%3F"),
            ("postgres://u:12?hunter2@h/d", "%3F"),
            ("postgres://u:hunter?2=3@h/d", "%3F"),
            ("postgres://u:hunter?user=3@h/d", "%3F"),
            ("postgres://u:hunter2%ff@h/d", "%25"),
        ] {
            let error = read(url).expect_err(url).to_string();
            assert!(error.contains(character), "{url}: {error}");
            assert!(!error.contains("hunter"), "{error}");
        }
        // These end nothing.
        for (url, user) in [
            ("postgres://u:p@ss:w[o]r%d@h/d", "u"),
            ("postgres:///d?user=u@v&password=p@q&host=h", "u@v"),
            ("postgres://h:5432/d?user=u@v", "u@v"),
            ("postgres://[::1]/d?user=u@v&host=h", "u@v"),
        ] {
            let (nodes, _) = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(
                (nodes[0].get_host(), nodes[0].get_username()),
                ("h", user),
                "{url}"
            );
        }
    }

    #[test]
    fn variables_of_libpq_supply_what_the_url_lacks() {
        let all = [
            ("PGHOST", "a,b"),
            ("PGPORT", "1,2"),
            ("PGSSLMODE", "require"),
            ("PGCONNECT_TIMEOUT", "7"),
            ("PGTARGETSESSIONATTRS", "read-write"),
            ("PGSERVICE", "ignored"),
        ];
        let (nodes, timeout) = with_variables("postgres://", &all).expect("variables");
        let hosts: Vec<_> = nodes
            .iter()
            .map(|node| (node.get_host(), node.get_port()))
            .collect();
        assert_eq!(hosts, [("a", 1), ("b", 2)]);
        assert!(matches!(nodes[1].get_ssl_mode(), PgSslMode::Require));
        assert_eq!(timeout, Some(Duration::from_secs(7)));
        let url = "postgres://h:3/d?sslmode=disable&connect_timeout=9";
        let (nodes, timeout) = with_variables(url, &all).expect("a URL");
        assert_eq!(
            (nodes.len(), nodes[0].get_host(), nodes[0].get_port()),
            (1, "h", 3)
        );
        assert!(matches!(nodes[0].get_ssl_mode(), PgSslMode::Disable));
        assert_eq!(timeout, Some(Duration::from_secs(9)));
        let (nodes, _) = with_variables("postgres://h,i/d", &[("PGPORT", "6000")]).expect("a URL");
        assert_eq!((nodes[0].get_port(), nodes[1].get_port()), (6000, 6000));
        for (wrong, named) in [
            (("PGSSLMODE", "on"), "PGSSLMODE must be disable"),
            (("PGPORT", "x"), "PGPORT must be a number"),
            (
                ("PGCONNECT_TIMEOUT", "2s"),
                "PGCONNECT_TIMEOUT must be an integer",
            ),
            (
                ("PGTARGETSESSIONATTRS", "standby"),
                "PGTARGETSESSIONATTRS must be read-write",
            ),
            (("PGSSLCERT", "/no/where"), "sslcert"),
        ] {
            let error = with_variables("postgres://", &[wrong])
                .expect_err(named)
                .to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn tls_files_must_be_readable_and_in_use() {
        let options = |parameters: &str| read(&format!("postgres://h/d?{parameters}"));
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
        let error = |url: &str| read(url).err().map(|error| error.to_string());
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
