//! The settings of access to the API, and the authorizer made from them.

mod gateway;
mod jwt;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{Args, ValueEnum};
use thiserror::Error;

use super::is_loopback;
use crate::auth::Authenticator;
use crate::auth::gateway::Gateway;
use crate::auth::key_source::KeySourceError;
use crate::auth::keys::{KeysError, MIN_SECRET_BYTES};
use crate::auth::permissions::PermissionMap;
use crate::auth::proxies::{Network, Proxies};
use crate::auth::rate::{Limiter, Rate};
use crate::http::middleware::authorize::Authorizer;
use crate::http::middleware::hosts::{AllowedHosts, HostPattern};
use crate::http::routes::ui::{OidcClient, OidcIssuer};
pub use gateway::GatewayArgs;
pub use jwt::JwtArgs;

/// The longest leeway: clocks that differ by more are wrong (RFC 7519, section 4.1.4: "no more than a few minutes").
const MAX_LEEWAY: Duration = Duration::from_mins(5);

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessArgs {
    /// How callers are authenticated. Required, so that the API is not opened by accident
    #[arg(long, env = "TASK_STATUS_AUTH", value_enum, value_name = "MODE")]
    pub auth: Option<AuthMode>,
    /// With --auth none: serve without authentication on an address that is not a loopback address
    #[arg(long, env = "TASK_STATUS_ALLOW_UNAUTHENTICATED", value_parser = BoolishValueParser::new())]
    pub allow_unauthenticated: bool,
    /// Hosts that requests may name in their Host header, separated by commas: names and IP addresses, with a port if only
    /// that one is allowed; *.example.com is every subdomain, * every host. By default every host and, with --auth none,
    /// only localhost and the loopback addresses, so that no web page can reach the API through a name of its own
    #[arg(
        long,
        env = "TASK_STATUS_ALLOWED_HOSTS",
        value_delimiter = ',',
        value_name = "HOSTS"
    )]
    pub allowed_hosts: Vec<HostPattern>,
    /// Networks (CIDR) of trusted proxies, separated by commas. Their X-Forwarded-For gives the address of the client and,
    /// with --auth gateway, their headers give its identity
    #[arg(
        long,
        env = "TASK_STATUS_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "NETWORKS"
    )]
    pub trusted_proxies: Vec<Network>,
    /// Requests per client, such as 100/10s: a burst of 100, refilled evenly over 10 seconds. Counted by client name, or by
    /// address without one, in each process separately. Not limited by default
    #[arg(long, env = "TASK_STATUS_RATE_LIMIT", value_name = "RATE")]
    pub rate_limit: Option<Rate>,
    #[command(flatten)]
    pub permissions: PermissionArgs,
    #[command(flatten)]
    pub jwt: JwtArgs,
    #[command(flatten)]
    pub gateway: GatewayArgs,
    /// Let people sign in to the dashboard at this OpenID Connect issuer (authorization code with PKCE), which must allow
    /// the dashboard's address as a redirect URI and requests from its origin (CORS), at the same origin as its URL. The
    /// API checks the tokens as others: set --jwt-jwks-url, --jwt-issuer and --jwt-audience too
    #[arg(
        long,
        env = "TASK_STATUS_UI_OIDC_ISSUER",
        requires = "ui_oidc_client_id",
        help_heading = "Dashboard",
        value_name = "URL"
    )]
    pub ui_oidc_issuer: Option<OidcIssuer>,
    /// The client id of the dashboard at that issuer: of a public client, without a secret
    #[arg(long, env = "TASK_STATUS_UI_OIDC_CLIENT_ID", requires = "ui_oidc_issuer", value_parser = NonEmptyStringValueParser::new(), help_heading = "Dashboard", value_name = "ID")]
    pub ui_oidc_client_id: Option<String>,
    /// The scopes that the dashboard asks that issuer for, separated by spaces: those that its tokens need for the API
    #[arg(
        long,
        env = "TASK_STATUS_UI_OIDC_SCOPE",
        default_value = "openid",
        help_heading = "Dashboard",
        value_name = "SCOPES"
    )]
    pub ui_oidc_scope: String,
}

/// The values that grant permissions, as issuers and gateways other than the contract's name them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub struct PermissionArgs {
    /// Claims that hold a caller's scopes, roles or groups, separated by commas: a name, or names of nested objects separated
    /// by dots, such as roles or realm_access.roles. Their values add up. Of a token, or of the claims that a gateway sends.
    /// scope and scp by default
    #[arg(
        long,
        env = "TASK_STATUS_PERMISSION_CLAIMS",
        value_parser = NonEmptyStringValueParser::new(),
        value_delimiter = ',',
        value_name = "CLAIMS"
    )]
    pub permission_claims: Vec<String>,
    /// Scopes, roles or groups that permit reading, separated by commas, as they are in the token or header. They replace the
    /// default, idn:task-management:read
    #[arg(
        long,
        env = "TASK_STATUS_READ_VALUES",
        value_parser = NonEmptyStringValueParser::new(),
        value_delimiter = ',',
        value_name = "VALUES"
    )]
    pub read_values: Vec<String>,
    /// Scopes, roles or groups that permit reading and writing. They replace the default, idn:task-management:write and
    /// sp:scopes:all
    #[arg(
        long,
        env = "TASK_STATUS_WRITE_VALUES",
        value_parser = NonEmptyStringValueParser::new(),
        value_delimiter = ',',
        value_name = "VALUES"
    )]
    pub write_values: Vec<String>,
}

impl PermissionArgs {
    fn first_given(&self) -> Option<&'static str> {
        [
            ("--permission-claims", &self.permission_claims),
            ("--read-values", &self.read_values),
            ("--write-values", &self.write_values),
        ]
        .into_iter()
        .find_map(|(flag, given)| (!given.is_empty()).then_some(flag))
    }

    fn map(&self) -> PermissionMap {
        let given = |given: &Vec<String>, default| if given.is_empty() { default } else { given.clone() };
        let default = PermissionMap::default();
        PermissionMap {
            claims: given(&self.permission_claims, default.claims),
            read: given(&self.read_values, default.read),
            write: given(&self.write_values, default.write),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Callers with a signed bearer token (JWT) that has the scope of the request
    Jwt,
    /// Callers named by a trusted gateway in its headers
    Gateway,
    /// All callers that reach the address
    None,
}

/// Conflicting or incomplete settings. Each message says how to fix them.
#[derive(Debug, Error)]
pub enum AccessError {
    #[error(
        "no access mode is set: choose who may call the API.\n\
         Set --auth (or TASK_STATUS_AUTH) to one of:\n  \
         jwt      callers with a signed bearer token; needs --jwt-jwks-url, --jwt-key-file or --jwt-secret-file\n  \
         gateway  callers named by a trusted gateway; needs --trusted-proxies or --gateway-secret-file\n  \
         none     all callers that reach the address; loopback addresses only, unless --allow-unauthenticated is given"
    )]
    NoMode,
    #[error(
        "--auth none on {listen} would open the API to all callers that reach that address.\n\
         Listen on a loopback address (--listen 127.0.0.1:{port}), authenticate callers (--auth jwt or --auth gateway), or \
         add --allow-unauthenticated and --allowed-hosts, for example behind a gateway that authenticates callers.",
        port = listen.port()
    )]
    Unprotected { listen: SocketAddr },
    #[error(
        "--auth jwt needs one source of keys.\n\
         Set one of --jwt-jwks-url, --jwt-key-file, --jwt-secret-file and TASK_STATUS_JWT_SECRET."
    )]
    NotOneKeySource,
    #[error("--jwt-audience-claim names the claim of an audience that is not set: set --jwt-audience")]
    NoAudience,
    #[error("--jwt-leeway may be 5m at most")]
    Leeway,
    #[error("TASK_STATUS_JWT_SECRET cannot be used")]
    Secret(#[source] KeysError),
    #[error(transparent)]
    Keys(#[from] KeySourceError),
    #[error(
        "--auth gateway needs the address of the gateway, a secret that it sends, or both.\n\
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
    #[error("the gateway's secret must be printable ASCII without whitespace at its ends")]
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
        "{flag} renames a header that --gateway-headers {preset} does not use; --help lists the headers of each preset"
    )]
    NoSuchHeader {
        preset: &'static str,
        flag: &'static str,
    },
    #[error("{flag} needs --auth {mode}")]
    OtherMode { mode: &'static str, flag: &'static str },
}

impl AccessArgs {
    /// Checks combinations of settings, which clap cannot.
    pub fn check(&self, listen: SocketAddr) -> Result<(), AccessError> {
        let mode = self.auth.ok_or(AccessError::NoMode)?;
        if mode == AuthMode::None && !self.allow_unauthenticated && !is_loopback(listen) {
            return Err(AccessError::Unprotected { listen });
        }
        // A setting that is ignored would only seem to protect the API.
        let issuer = self.ui_oidc_issuer.as_ref().map(|_| "--ui-oidc-issuer");
        if mode != AuthMode::Jwt
            && let Some(flag) = self.jwt.first_given().or(issuer)
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
        if mode == AuthMode::None
            && let Some(flag) = self.permissions.first_given()
        {
            let mode = "jwt or gateway";
            return Err(AccessError::OtherMode { mode, flag });
        }
        if mode == AuthMode::Gateway
            && !self.gateway.sends_claims()
            && !self.permissions.permission_claims.is_empty()
        {
            return Err(AccessError::OtherMode {
                mode: "jwt, or --gateway-headers envoy",
                flag: "--permission-claims",
            });
        }
        match mode {
            AuthMode::Jwt if self.jwt.sources() != 1 => Err(AccessError::NotOneKeySource),
            AuthMode::Jwt if self.jwt.jwt_audience_claim.is_some() && self.jwt.jwt_audience.is_empty() => {
                Err(AccessError::NoAudience)
            }
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

    /// The hosts that requests may name.
    pub fn hosts(&self) -> AllowedHosts {
        if !self.allowed_hosts.is_empty() {
            AllowedHosts::Listed(self.allowed_hosts.clone().into())
        } else if self.auth == Some(AuthMode::None) {
            AllowedHosts::Loopback
        } else {
            AllowedHosts::Any
        }
    }

    /// The dashboard as a client of an issuer, if it is one.
    pub fn oidc(&self) -> Option<OidcClient> {
        Some(OidcClient {
            issuer: self.ui_oidc_issuer.clone()?,
            client_id: self.ui_oidc_client_id.clone()?,
            scope: self.ui_oidc_scope.clone(),
        })
    }

    /// The proxies that are trusted.
    pub fn proxies(&self) -> Proxies {
        Proxies::new(self.trusted_proxies.clone())
    }

    /// The authorizer for these settings. Reads files.
    pub async fn authorizer(&self) -> Result<Authorizer, AccessError> {
        let proxies = self.proxies();
        let authenticator = match self.auth.ok_or(AccessError::NoMode)? {
            AuthMode::None => Authenticator::Open,
            AuthMode::Jwt => Authenticator::Jwt(self.jwt.verifier(self.permissions.map()).await?),
            AuthMode::Gateway => Authenticator::Gateway(Gateway {
                addresses: (!self.trusted_proxies.is_empty()).then(|| proxies.clone()),
                secret: self.gateway.secret()?,
                headers: self.gateway.identity_headers()?,
                permissions: self.permissions.map(),
            }),
        };
        Ok(Authorizer::new(
            authenticator,
            proxies,
            self.rate_limit.map(Limiter::new),
        ))
    }
}
