//! Authentication, permissions, rate limits and the audit log.
//!
//! - [`caller`]: the caller of a request, with its permission and user levels. [`permissions`]: the values that grant one.
//!   [`client`]: the client that limits count.
//! - [`Authenticator`]: identifies the caller, by a token (`jwt`, with keys of `keys` from a `key_source`) or by the
//!   headers of a trusted gateway ([`gateway`], [`proxies`]).
//! - [`rate`]: rate limits. [`audit`]: the audit log. [`issuer`]: signs tokens for scripts and the demo.
//!
//! [`crate::http::middleware::authorize`] applies all of these to every route.

pub mod audit;
pub mod caller;
pub mod client;
pub mod gateway;
pub mod issuer;
pub mod jws;
pub mod jwt;
pub mod key_source;
pub mod keys;
pub mod permissions;
pub mod proxies;
pub mod rate;

use std::convert::Infallible;
use std::future::pending;
use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use thiserror::Error;

pub use caller::{Caller, Denied, Permission};
use gateway::Gateway;
use jwt::{TokenError, Verifier};

/// The way in which callers are identified.
#[derive(Debug)]
pub enum Authenticator {
    /// All callers may do everything.
    Open,
    /// By a bearer token (RFC 6750).
    Jwt(Verifier),
    /// As [`Authenticator::Jwt`], but neither reading nor the service's own page needs a token. For the demo only.
    JwtForWrites(Verifier),
    /// By the headers of a trusted gateway.
    Gateway(Gateway),
}

/// The reason why a caller is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    #[error("there is no bearer token")]
    NoToken,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the request does not come from a trusted gateway")]
    NotTheGateway,
    #[error("the identity headers of the gateway are missing")]
    NoIdentity,
    #[error("the identity header {0} is malformed or repeated")]
    UnreadableIdentity(String),
}

impl Authenticator {
    /// Identifies the caller by the headers of a request and the address of its peer. `permission` is the one that the
    /// route needs.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        permission: Option<Permission>,
    ) -> Result<Caller, IdentityError> {
        match self {
            Self::Open => Ok(Caller::unrestricted()),
            // Boxed, so that callers of the others do not carry it.
            Self::Jwt(verifier) => Box::pin(by_token(verifier, headers)).await,
            Self::JwtForWrites(verifier) => match Box::pin(by_token(verifier, headers)).await {
                Err(IdentityError::NoToken) if is_of_own_page(headers) => Ok(Caller::unrestricted()),
                Err(IdentityError::NoToken) if permission != Some(Permission::Write) => Ok(Caller::reader()),
                known => known,
            },
            Self::Gateway(gateway) => gateway.authenticate(headers, peer),
        }
    }

    /// Whether callers can be authenticated now: false until keys have been loaded.
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Open | Self::Gateway(_) => true,
            Self::Jwt(verifier) | Self::JwtForWrites(verifier) => verifier.has_keys(),
        }
    }

    /// Keeps the keys current while polled.
    pub async fn watch(&self) -> Infallible {
        match self {
            Self::Open | Self::Gateway(_) => pending().await,
            Self::Jwt(verifier) | Self::JwtForWrites(verifier) => verifier.watch().await,
        }
    }

    /// Removes credentials from a request, so that no handler sees, logs or forwards them.
    pub fn strip_credentials(&self, headers: &mut HeaderMap) {
        headers.remove(header::AUTHORIZATION);
        headers.remove(header::COOKIE);
        if let Self::Gateway(gateway) = self {
            gateway.strip_credentials(headers);
        }
    }
}

/// Whether a browser says that a page of the service itself sends the request. No page can set this header.
fn is_of_own_page(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "same-origin")
}

async fn by_token(verifier: &Verifier, headers: &HeaderMap) -> Result<Caller, IdentityError> {
    let token = bearer(headers)?.ok_or(IdentityError::NoToken)?;
    Ok(verifier.verify(token).await?)
}

/// The token of `Authorization: Bearer ...`; the case of the scheme does not matter (RFC 9110, section 11.1). Another
/// scheme counts as no token, and so does an empty token: a script's unset variable. Two headers are refused.
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

/// Whether a host is a loopback address or `localhost`.
pub(crate) fn is_this_machine(host: &str) -> bool {
    let name = host.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}
