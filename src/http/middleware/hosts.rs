//! The hosts that the service responds to.
//!
//! A web page can let a name of its own resolve to the address of the service (DNS rebinding). Its requests then look like
//! those of its own origin to the browser, but they name the page's host.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use axum::http::HeaderValue;
use axum::http::uri::Authority;
use thiserror::Error;

use crate::auth::is_this_machine;

/// A host, or all subdomains of one, with one port or any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// `*` alone is any host, `*.example.com` any subdomain.
    host: String,
    port: Option<u16>,
}

/// The string is not a host.
#[derive(Debug, Error)]
#[error(
    "a host is a name, an IP address or *, with a port if only that one is allowed: tasks.example.com, *.example.com, \
     127.0.0.1:8080, [::1]"
)]
pub struct HostPatternError;

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let authority = authority(text).ok_or(HostPatternError)?;
        let host = authority.host();
        let name = host.strip_prefix("*.").unwrap_or(host);
        if host != "*" && name.contains('*') {
            return Err(HostPatternError);
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port: authority.port_u16(),
        })
    }
}

impl HostPattern {
    fn matches(&self, authority: &Authority) -> bool {
        let host = authority.host().to_ascii_lowercase();
        let is_named = match self.host.strip_prefix('*') {
            Some(domain) => host.ends_with(domain),
            None => host == self.host,
        };
        is_named && self.port.is_none_or(|port| authority.port_u16() == Some(port))
    }
}

/// The hosts that requests may name.
#[derive(Debug, Clone)]
pub enum AllowedHosts {
    Any,
    /// `localhost` and the loopback addresses.
    Loopback,
    Listed(Arc<[HostPattern]>),
}

impl AllowedHosts {
    /// Whether a request may name this host. `None` is an HTTP/1.0 request that names none.
    pub fn allow(&self, host: Option<&Authority>) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => host.is_some_and(|host| is_this_machine(host.host())),
            Self::Listed(patterns) => {
                host.is_some_and(|host| patterns.iter().any(|pattern| pattern.matches(host)))
            }
        }
    }
}

/// The allowed hosts, and the first value of `Host` that named one: most requests have the same, which is read once.
pub struct Hosts {
    pub allowed: AllowedHosts,
    known: OnceLock<Box<[u8]>>,
}

impl From<AllowedHosts> for Hosts {
    fn from(allowed: AllowedHosts) -> Self {
        let known = OnceLock::new();
        Self { allowed, known }
    }
}

impl Hosts {
    /// Whether this value is known to name an allowed host.
    pub fn know(&self, field: &HeaderValue) -> bool {
        self.known.get().is_some_and(|known| **known == *field.as_bytes())
    }

    /// Takes note of a value that does.
    pub fn learn(&self, field: &HeaderValue) {
        self.known.get_or_init(|| field.as_bytes().into());
    }
}

/// A host and maybe a port, as in `Host` (RFC 9110, section 7.2).
pub fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let port_is_valid = text.len() == host.len() || text.ends_with(':') || authority.port_u16().is_some();
    (!host.is_empty() && !text.contains('@') && port_is_valid).then_some(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(hosts: &AllowedHosts, host: &str) -> bool {
        hosts.allow(Some(&authority(host).expect("a host")))
    }

    #[test]
    fn a_host_is_matched_without_regard_to_case_and_with_any_port_unless_one_is_given() {
        let patterns = ["Tasks.example.com", "*.example.org", "127.0.0.1:8080", "[::1]"];
        let hosts = AllowedHosts::Listed(patterns.map(|text| text.parse().expect("a pattern")).into());
        for allowed in [
            "tasks.example.com",
            "TASKS.example.com:443",
            "a.example.org",
            "a.b.example.org:1",
            "127.0.0.1:8080",
            "[::1]:8080",
        ] {
            assert!(allow(&hosts, allowed), "{allowed}");
        }
        for other in [
            "example.com",
            "a.tasks.example.com",
            "tasks.example.com.evil.example",
            "example.org",
            "evilexample.org",
            "127.0.0.1",
            "127.0.0.1:80",
        ] {
            assert!(!allow(&hosts, other), "{other}");
        }
        assert!(!hosts.allow(None));
        let any = AllowedHosts::Listed(["*".parse().expect("a pattern")].into());
        assert!(allow(&any, "evil.example:1"));
    }

    #[test]
    fn loopback_hosts_are_localhost_and_loopback_addresses() {
        for own in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(allow(&AllowedHosts::Loopback, own), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:8080",
            "[fd00::1]",
        ] {
            assert!(!allow(&AllowedHosts::Loopback, other), "{other}");
        }
    }

    #[test]
    fn a_host_has_a_name_and_at_most_a_port() {
        for invalid in [
            "",
            "user@",
            "user@host",
            ":80",
            "host:x",
            "host:65536",
            "a b",
            "a/b",
            "a:1:2",
        ] {
            assert!(authority(invalid).is_none(), "{invalid}");
            assert!(invalid.parse::<HostPattern>().is_err(), "{invalid}");
        }
        for invalid in ["a.*", "*a.example", "*.*.example", "**"] {
            assert!(invalid.parse::<HostPattern>().is_err(), "{invalid}");
        }
    }
}
