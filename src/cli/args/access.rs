//! Who may call: the settings, and what is made of them.

mod gateway;
mod jwt;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use thiserror::Error;

use super::is_loopback;
use crate::auth::Authenticator;
use crate::auth::gateway::Gateway;
use crate::auth::key_source::KeySourceError;
use crate::auth::keys::{KeysError, MIN_SECRET_BYTES};
use crate::auth::proxies::{Network, Proxies};
use crate::auth::rate::{Limiter, Rate};
use crate::http::middleware::authorize::Authorizer;
pub use gateway::GatewayArgs;
pub use jwt::JwtArgs;

/// The longest leeway: clocks that differ by more are wrong (RFC 7519, section 4.1.4: "no more than a few minutes").
const MAX_LEEWAY: Duration = Duration::from_mins(5);

/// Who may call.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessArgs {
    /// Who may call the API. Required, so that nobody opens it by accident
    #[arg(long, env = "TASK_STATUS_AUTH", value_enum, value_name = "MODE")]
    pub auth: Option<AuthMode>,
    /// With --auth none: let everybody call who reaches the address, even if it is not a loopback address
    #[arg(long, env = "TASK_STATUS_ALLOW_UNAUTHENTICATED", value_parser = BoolishValueParser::new())]
    pub allow_unauthenticated: bool,
    /// Networks (CIDR) of trusted proxies, separated by commas. They are believed about the address of a client
    /// (X-Forwarded-For) and, with --auth gateway, about who calls
    #[arg(
        long,
        env = "TASK_STATUS_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "NETWORKS"
    )]
    pub trusted_proxies: Vec<Network>,
    /// How often a client may call, such as 100/10s: so many requests at once, and as many again in that time. Counted by
    /// client, or by address where the client has no name. Each process counts for itself. Not limited unless given
    #[arg(long, env = "TASK_STATUS_RATE_LIMIT", value_name = "RATE")]
    pub rate_limit: Option<Rate>,
    #[command(flatten)]
    pub jwt: JwtArgs,
    #[command(flatten)]
    pub gateway: GatewayArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Who has a signed bearer token (JWT) with the scope that the request needs
    Jwt,
    /// Whom a trusted gateway vouches for in the headers that it sends
    Gateway,
    /// Everybody who reaches the address
    None,
}

/// Settings of access that do not go together, or that lead to nothing. Each message says what would.
#[derive(Debug, Error)]
pub enum AccessError {
    #[error(
        "no access mode is set: say who may call the API.\n\
         Set --auth (or TASK_STATUS_AUTH) to one of:\n  \
         jwt      who has a signed bearer token; --jwt-jwks-url, --jwt-key-file or --jwt-secret-file says whose\n  \
         gateway  whom a trusted gateway vouches for; --trusted-proxies or --gateway-secret-file says which\n  \
         none     everybody who reaches the address; on loopback addresses only, unless --allow-unauthenticated is given"
    )]
    NoMode,
    #[error(
        "--auth none on {listen} would open the API to everybody who reaches that address.\n\
         Listen on a loopback address (--listen 127.0.0.1:{port}), say who may call (--auth jwt or --auth gateway), or \
         add --allow-unauthenticated if that is meant, for example behind a gateway that checks who calls.",
        port = listen.port()
    )]
    OpenToEverybody { listen: SocketAddr },
    #[error(
        "--auth jwt needs keys to check tokens with, from one place.\n\
         Set one of --jwt-jwks-url, --jwt-key-file, --jwt-secret-file and TASK_STATUS_JWT_SECRET."
    )]
    NotOneKeySource,
    #[error("--jwt-leeway may be 5m at most")]
    Leeway,
    #[error("TASK_STATUS_JWT_SECRET cannot be used")]
    Secret(#[source] KeysError),
    #[error(transparent)]
    Keys(#[from] KeySourceError),
    #[error(
        "--auth gateway needs to know the gateway: by its address, by a secret that it sends, or by both.\n\
         Set --trusted-proxies, --gateway-secret-file or TASK_STATUS_GATEWAY_SECRET."
    )]
    UnknownGateway,
    #[error(
        "--gateway-secret-header names the header of a secret that is not set: set --gateway-secret-file or \
         TASK_STATUS_GATEWAY_SECRET"
    )]
    NoGatewaySecret,
    #[error("set one of --gateway-secret-file and TASK_STATUS_GATEWAY_SECRET, not both")]
    TwoGatewaySecrets,
    #[error(
        "the gateway's secret must be text that a header can hold: visible characters of ASCII, and no blank at its ends"
    )]
    GatewaySecretForm,
    #[error("the gateway's secret has {0} bytes; at least {MIN_SECRET_BYTES} are needed")]
    ShortGatewaySecret(usize),
    #[error("cannot read {}", path.display())]
    GatewaySecretFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "--gateway-headers {preset} has no such header as {flag} renames; see --help for those of each preset"
    )]
    NoSuchHeader {
        preset: &'static str,
        flag: &'static str,
    },
    #[error("the settings of {mode} need --auth {mode}: {flag} would change nothing")]
    OtherMode { mode: &'static str, flag: &'static str },
}

impl AccessArgs {
    /// Checks what clap cannot: settings that do not go together.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub fn check(&self, listen: SocketAddr) -> Result<(), AccessError> {
        let mode = self.auth.ok_or(AccessError::NoMode)?;
        if mode == AuthMode::None && !self.allow_unauthenticated && !is_loopback(listen) {
            return Err(AccessError::OpenToEverybody { listen });
        }
        // A setting that looks as if it protected, and does not, is worse than none.
        if mode != AuthMode::Jwt
            && let Some(flag) = self.jwt.first_given()
        {
            return Err(AccessError::OtherMode { mode: "jwt", flag });
        }
        if mode != AuthMode::Gateway
            && let Some(flag) = self.gateway.first_given()
        {
            return Err(AccessError::OtherMode {
                mode: "gateway",
                flag,
            });
        }
        match mode {
            AuthMode::Jwt if self.jwt.sources() != 1 => Err(AccessError::NotOneKeySource),
            AuthMode::Jwt if self.jwt.leeway() > MAX_LEEWAY => Err(AccessError::Leeway),
            AuthMode::Gateway => {
                let secrets = self.gateway.secrets();
                if secrets == 0 && self.trusted_proxies.is_empty() {
                    Err(AccessError::UnknownGateway)
                } else if secrets > 1 {
                    Err(AccessError::TwoGatewaySecrets)
                } else if secrets == 0 && self.gateway.gateway_secret_header.is_some() {
                    Err(AccessError::NoGatewaySecret)
                } else {
                    self.gateway.identity_headers().map(drop)
                }
            }
            _ => Ok(()),
        }
    }

    /// The gate that these settings ask for. Files are read.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn authorizer(&self) -> Result<Authorizer, AccessError> {
        let proxies = Proxies::new(self.trusted_proxies.clone());
        let access = match self.auth.ok_or(AccessError::NoMode)? {
            AuthMode::None if self.allow_unauthenticated => Authenticator::Open,
            AuthMode::None => Authenticator::LoopbackOnly,
            AuthMode::Jwt => Authenticator::Jwt(self.jwt.verifier().await?),
            AuthMode::Gateway => Authenticator::Gateway(Gateway {
                addresses: (!self.trusted_proxies.is_empty()).then(|| proxies.clone()),
                secret: self.gateway.secret()?,
                headers: self.gateway.identity_headers()?,
            }),
        };
        Ok(Authorizer::new(
            access,
            proxies,
            self.rate_limit.map(Limiter::new),
        ))
    }
}
