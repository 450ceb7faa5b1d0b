//! Who calls, and what they may do.
//!
//! Where to begin reading: [`caller`] is the outcome, somebody with scopes and user levels. [`Authenticator`] is how it is found
//! out: from a token (`jwt`, whose keys come from `keys` and are kept current by `key_source`), from the headers of a
//! trusted gateway ([`gateway`], [`proxies`]), or not at all. [`rate`] is how often one may call, [`audit`] what is
//! written down about it, [`issuer`] how tokens are made for scripts and the demo.
//!
//! Nothing here answers a request: [`crate::http::middleware::authorize`] does, for every route.

pub mod audit;
pub mod caller;
pub mod gateway;
pub mod issuer;
pub mod jws;
pub mod jwt;
pub mod key_source;
pub mod keys;
pub mod proxies;
pub mod rate;

use std::convert::Infallible;
use std::future::pending;
use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, header};
use thiserror::Error;

pub use caller::{Caller, Denied, Permission};
use gateway::Gateway;
use jwt::{TokenError, Verifier};

/// How it is found out who calls.
#[derive(Debug)]
pub enum Authenticator {
    /// Everybody may do everything.
    Open,
    /// Everybody on this machine may do everything.
    LoopbackOnly,
    /// A bearer token says it (RFC 6750).
    Jwt(Verifier),
    /// As [`Authenticator::Jwt`], and everybody on this machine may read without a token: for the demo alone.
    JwtForWrites(Verifier),
    /// Headers of a trusted gateway say it.
    Gateway(Gateway),
}

/// Why it is not known who calls.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// There are no credentials.
    #[error("there is no bearer token")]
    NoToken,
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The request did not come from the gateway.
    #[error("the request does not come from a trusted gateway")]
    NotTheGateway,
    /// The gateway has not said who calls.
    #[error("the gateway has not said who calls")]
    NoIdentity,
    /// The gateway's headers cannot be read, or are there more than once.
    #[error("the identity header {0} cannot be read, or is there more than once")]
    UnreadableIdentity(String),
}

impl Authenticator {
    /// Who calls, by the head of a request and the address of the peer that sent it. `permission` is what the caller is
    /// about to need.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        permission: Option<Permission>,
    ) -> Result<Caller, IdentityError> {
        match self {
            Self::Open | Self::LoopbackOnly => Ok(Caller::anybody()),
            Self::Jwt(verifier) => by_token(verifier, headers).await,
            Self::JwtForWrites(verifier) => match by_token(verifier, headers).await {
                Err(IdentityError::NoToken) if permission != Some(Permission::Write) => Ok(Caller::reader()),
                known => known,
            },
            Self::Gateway(gateway) => gateway.authenticate(headers, peer),
        }
    }

    /// Whether a request is meant for this service, by its `Host`. Where nobody is asked who it is, being on this machine is
    /// all that counts; a page of any site could be made to come from here too, if its name were made to lead here.
    pub fn host_allowed(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::LoopbackOnly | Self::JwtForWrites(_) => {
                headers.get(header::HOST).is_none_or(names_this_machine)
            }
            Self::Open | Self::Jwt(_) | Self::Gateway(_) => true,
        }
    }

    /// Whether callers can be told apart at the moment.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Open | Self::LoopbackOnly | Self::Gateway(_) => true,
            Self::Jwt(verifier) | Self::JwtForWrites(verifier) => verifier.has_keys(),
        }
    }

    /// Keeps the keys current for as long as it is polled.
    pub async fn watch(&self) -> Infallible {
        match self {
            Self::Open | Self::LoopbackOnly | Self::Gateway(_) => pending().await,
            Self::Jwt(verifier) | Self::JwtForWrites(verifier) => verifier.watch().await,
        }
    }

    /// Takes what only this module may read out of a request: nothing behind it sees, logs or passes on credentials.
    pub fn strip_credentials(&self, headers: &mut HeaderMap) {
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::COOKIE);
        if let Self::Gateway(gateway) = self {
            gateway.strip_credentials(headers);
        }
    }
}

async fn by_token(verifier: &Verifier, headers: &HeaderMap) -> Result<Caller, IdentityError> {
    let token = bearer(headers)?.ok_or(IdentityError::NoToken)?;
    Ok(verifier.verify(token).await?)
}

/// The token of `Authorization: Bearer ...`; the scheme's case does not matter (RFC 9110, section 11.1). Credentials of
/// another scheme are none, and so is an empty token: a script's variable that is not set. Two such headers are not one
/// that can be trusted.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(TokenError::Malformed);
    }
    let value = value.to_str().map_err(|_| TokenError::Malformed)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim_matches(' ');
    Ok(Some(token).filter(|token| scheme.eq_ignore_ascii_case("Bearer") && !token.is_empty()))
}

/// Whether a `Host` is a loopback address or `localhost`, with any port.
fn names_this_machine(host: &HeaderValue) -> bool {
    let Ok(authority) = host.to_str().unwrap_or_default().parse::<Authority>() else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_localhost_or_a_loopback_address() {
        let here = |host: &'static str| names_this_machine(&HeaderValue::from_static(host));
        for own in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(here(own), "{own}");
        }
        for other in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:8080",
            "[fd00::1]",
            "user@",
        ] {
            assert!(!here(other), "{other}");
        }
    }
}
