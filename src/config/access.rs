//! Who may call: the settings, and what is made of them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderName;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::is_loopback;
use crate::auth::Access;
use crate::auth::gateway::{Gateway, GatewaySecret, IdentityHeaders};
use crate::auth::jwt::{Rules, Verifier};
use crate::auth::key_source::{KeySource, KeySourceError, Pace, read_secret};
use crate::auth::keys::{KeySet, KeysError, LEAST_SECRET_BYTES};
use crate::auth::proxies::{Network, Proxies};
use crate::auth::rate::{Limiter, Rate};
use crate::gate::Gate;

/// The header with the gateway's secret unless another is given.
const GATEWAY_SECRET_HEADER: HeaderName = HeaderName::from_static("x-gateway-secret");
/// The leeway unless another is given.
const LEEWAY: Duration = Duration::from_secs(30);
/// The longest leeway: clocks that differ by more are wrong (RFC 7519, section 4.1.4: "no more than a few minutes").
const MOST_LEEWAY: Duration = Duration::from_mins(5);

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
    /// client, or by address where the client has no name. `documented` is the limit that the API is documented with,
    /// 100/10s. Each process counts for itself. Not limited unless given
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

/// How bearer tokens are checked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access with --auth jwt")]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
pub struct JwtArgs {
    /// Check tokens with the issuer's keys from this URL (a JSON Web Key Set), fetched every five minutes and where a
    /// token names a new key
    // Its query may hold a key.
    #[arg(
        long,
        env = "TASK_STATUS_JWT_JWKS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub jwt_jwks_url: Option<SecretString>,
    /// Check tokens with the public keys in this file: a JSON Web Key Set or PEM, read again when it changes
    #[arg(long, env = "TASK_STATUS_JWT_KEY_FILE", value_name = "FILE")]
    pub jwt_key_file: Option<PathBuf>,
    /// Check tokens with the secret in this file (HS256), 32 bytes or more, read again when it changes
    #[arg(long, env = "TASK_STATUS_JWT_SECRET_FILE", value_name = "FILE")]
    pub jwt_secret_file: Option<PathBuf>,
    /// Check tokens with this secret (HS256), 32 bytes or more. Prefer the variable: other users of this machine can see
    /// the arguments of a process
    #[arg(
        long,
        env = "TASK_STATUS_JWT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub jwt_secret: Option<SecretString>,
    /// Issuers whose tokens are accepted (iss), separated by commas; any that signs with a trusted key unless given
    #[arg(
        long,
        env = "TASK_STATUS_JWT_ISSUER",
        value_delimiter = ',',
        value_name = "ISSUERS"
    )]
    pub jwt_issuer: Vec<String>,
    /// Audiences of which a token must name one (aud), separated by commas. Unless given, tokens that name any are refused
    #[arg(
        long,
        env = "TASK_STATUS_JWT_AUDIENCE",
        value_delimiter = ',',
        value_name = "AUDIENCES"
    )]
    pub jwt_audience: Vec<String>,
    /// By how much the clocks of the issuer and of this machine may differ, 5m at most; 30s unless given
    #[arg(long, env = "TASK_STATUS_JWT_LEEWAY", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub jwt_leeway: Option<Duration>,
}

/// How a gateway is known, and in which headers it says who calls.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access with --auth gateway")]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
pub struct GatewayArgs {
    /// Which headers the gateway sends; plain unless given
    #[arg(long, env = "TASK_STATUS_GATEWAY_HEADERS", value_enum, value_name = "PRESET")]
    pub gateway_headers: Option<GatewayHeaders>,
    /// Another name for the header with the scopes
    #[arg(long, env = "TASK_STATUS_GATEWAY_SCOPES_HEADER", value_name = "NAME")]
    pub gateway_scopes_header: Option<HeaderName>,
    /// Another name for the header with the client or user
    #[arg(long, env = "TASK_STATUS_GATEWAY_CLIENT_HEADER", value_name = "NAME")]
    pub gateway_client_header: Option<HeaderName>,
    /// Another name for the header with the user levels, such as ORG_ADMIN
    #[arg(long, env = "TASK_STATUS_GATEWAY_LEVELS_HEADER", value_name = "NAME")]
    pub gateway_levels_header: Option<HeaderName>,
    /// Another name for the header with the claims of a verified token
    #[arg(long, env = "TASK_STATUS_GATEWAY_PAYLOAD_HEADER", value_name = "NAME")]
    pub gateway_payload_header: Option<HeaderName>,
    /// Name of the header with the gateway's secret; X-Gateway-Secret unless given
    #[arg(long, env = "TASK_STATUS_GATEWAY_SECRET_HEADER", value_name = "NAME")]
    pub gateway_secret_header: Option<HeaderName>,
    /// The gateway's secret is in this file, read when the service starts
    #[arg(long, env = "TASK_STATUS_GATEWAY_SECRET_FILE", value_name = "FILE")]
    pub gateway_secret_file: Option<PathBuf>,
    /// The gateway's secret. Prefer the variable: other users of this machine can see the arguments of a process
    #[arg(
        long,
        env = "TASK_STATUS_GATEWAY_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub gateway_secret: Option<SecretString>,
}

/// The headers of gateways that people run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GatewayHeaders {
    /// X-Auth-Scopes, X-Auth-Client and X-Auth-Levels: for nginx, Traefik and others that are told which headers to set
    #[default]
    Plain,
    /// X-Jwt-Payload: the claims of a verified token, as Envoy (forward_payload_header) and Istio
    /// (outputPayloadToHeader) send them
    Envoy,
    /// X-Auth-Request-User and X-Auth-Request-Groups, the groups being the scopes: oauth2-proxy
    #[value(name = "oauth2-proxy")]
    Oauth2Proxy,
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
    #[error("the gateway's secret has {0} bytes; at least {LEAST_SECRET_BYTES} are needed")]
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
            AuthMode::Jwt if self.jwt.leeway() > MOST_LEEWAY => Err(AccessError::Leeway),
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
    pub async fn gate(&self) -> Result<Gate, AccessError> {
        let proxies = Proxies::new(self.trusted_proxies.clone());
        let access = match self.auth.ok_or(AccessError::NoMode)? {
            AuthMode::None if self.allow_unauthenticated => Access::Open,
            AuthMode::None => Access::OpenHere,
            AuthMode::Jwt => Access::Jwt(self.jwt.verifier().await?),
            AuthMode::Gateway => Access::Gateway(Gateway {
                addresses: (!self.trusted_proxies.is_empty()).then(|| proxies.clone()),
                secret: self.gateway.secret()?,
                headers: self.gateway.identity_headers()?,
            }),
        };
        Ok(Gate::new(access, proxies, self.rate_limit.map(Limiter::new)))
    }
}

impl JwtArgs {
    fn first_given(&self) -> Option<&'static str> {
        [
            ("--jwt-jwks-url", self.jwt_jwks_url.is_some()),
            ("--jwt-key-file", self.jwt_key_file.is_some()),
            ("--jwt-secret-file", self.jwt_secret_file.is_some()),
            ("TASK_STATUS_JWT_SECRET", self.jwt_secret.is_some()),
            ("--jwt-issuer", !self.jwt_issuer.is_empty()),
            ("--jwt-audience", !self.jwt_audience.is_empty()),
            ("--jwt-leeway", self.jwt_leeway.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }

    fn leeway(&self) -> Duration {
        self.jwt_leeway.unwrap_or(LEEWAY)
    }

    fn sources(&self) -> usize {
        [
            self.jwt_jwks_url.is_some(),
            self.jwt_key_file.is_some(),
            self.jwt_secret_file.is_some(),
            self.jwt_secret.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }

    async fn verifier(&self) -> Result<Verifier, AccessError> {
        let keys = if let Some(url) = &self.jwt_jwks_url {
            KeySource::issuer(url.expose_secret(), Pace::default())?
        } else if let Some(path) = &self.jwt_key_file {
            KeySource::file(path.clone()).await?
        } else if let Some(path) = &self.jwt_secret_file {
            KeySource::secret_file(path.clone()).await?
        } else if let Some(secret) = &self.jwt_secret {
            let keys = KeySet::of_secret(secret.expose_secret().as_bytes()).map_err(AccessError::Secret)?;
            KeySource::fixed(keys)
        } else {
            return Err(AccessError::NotOneKeySource);
        };
        let rules = Rules {
            issuers: self.jwt_issuer.clone(),
            audiences: self.jwt_audience.clone(),
            leeway: self.leeway(),
        };
        Ok(Verifier::new(keys, rules))
    }
}

impl GatewayArgs {
    fn first_given(&self) -> Option<&'static str> {
        [
            ("--gateway-secret-file", self.gateway_secret_file.is_some()),
            ("TASK_STATUS_GATEWAY_SECRET", self.gateway_secret.is_some()),
            ("--gateway-secret-header", self.gateway_secret_header.is_some()),
            ("--gateway-headers", self.gateway_headers.is_some()),
        ]
        .into_iter()
        .chain(self.names().map(|(flag, name)| (flag, name.is_some())))
        .find_map(|(flag, given)| given.then_some(flag))
    }

    fn names(&self) -> [(&'static str, &Option<HeaderName>); 4] {
        [
            ("--gateway-scopes-header", &self.gateway_scopes_header),
            ("--gateway-client-header", &self.gateway_client_header),
            ("--gateway-levels-header", &self.gateway_levels_header),
            ("--gateway-payload-header", &self.gateway_payload_header),
        ]
    }

    fn secrets(&self) -> usize {
        usize::from(self.gateway_secret_file.is_some()) + usize::from(self.gateway_secret.is_some())
    }

    fn secret(&self) -> Result<Option<GatewaySecret>, AccessError> {
        let secret = match (&self.gateway_secret_file, &self.gateway_secret) {
            (Some(path), _) => {
                let content = read_secret(path).map_err(|source| AccessError::GatewaySecretFile {
                    path: path.clone(),
                    source,
                })?;
                SecretString::from(String::from_utf8(content).map_err(|_| AccessError::GatewaySecretForm)?)
            }
            (None, Some(secret)) => secret.clone(),
            (None, None) => return Ok(None),
        };
        let text = secret.expose_secret();
        if text.trim() != text || !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(AccessError::GatewaySecretForm);
        }
        let length = text.len();
        if length < LEAST_SECRET_BYTES {
            return Err(AccessError::ShortGatewaySecret(length));
        }
        Ok(Some(GatewaySecret::new(
            self.gateway_secret_header
                .clone()
                .unwrap_or(GATEWAY_SECRET_HEADER),
            &secret,
        )))
    }

    fn identity_headers(&self) -> Result<IdentityHeaders, AccessError> {
        let name = |given: &Option<HeaderName>, preset| {
            given.clone().unwrap_or_else(|| HeaderName::from_static(preset))
        };
        let preset = self.gateway_headers.unwrap_or_default();
        let headers = match preset {
            GatewayHeaders::Plain => IdentityHeaders::Named {
                scopes: name(&self.gateway_scopes_header, "x-auth-scopes"),
                client: name(&self.gateway_client_header, "x-auth-client"),
                levels: Some(name(&self.gateway_levels_header, "x-auth-levels")),
            },
            GatewayHeaders::Oauth2Proxy => IdentityHeaders::Named {
                scopes: name(&self.gateway_scopes_header, "x-auth-request-groups"),
                client: name(&self.gateway_client_header, "x-auth-request-user"),
                levels: self.gateway_levels_header.clone(),
            },
            GatewayHeaders::Envoy => {
                IdentityHeaders::Payload(name(&self.gateway_payload_header, "x-jwt-payload"))
            }
        };
        let [named @ .., payload] = self.names();
        let (preset, foreign) = match preset {
            GatewayHeaders::Plain => ("plain", &[payload][..]),
            GatewayHeaders::Oauth2Proxy => ("oauth2-proxy", &[payload][..]),
            GatewayHeaders::Envoy => ("envoy", &named[..]),
        };
        match foreign.iter().find(|(_, name)| name.is_some()) {
            Some((flag, _)) => Err(AccessError::NoSuchHeader { preset, flag }),
            None => Ok(headers),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn headers(arguments: &[&str]) -> Result<IdentityHeaders, String> {
        #[derive(Parser)]
        struct Command {
            #[command(flatten)]
            gateway: GatewayArgs,
        }
        let command =
            Command::try_parse_from([&["gateway"], arguments].concat()).expect("arguments that parse");
        command
            .gateway
            .identity_headers()
            .map_err(|error| error.to_string())
    }

    fn named(scopes: &'static str, client: &'static str, levels: Option<&'static str>) -> IdentityHeaders {
        IdentityHeaders::Named {
            scopes: HeaderName::from_static(scopes),
            client: HeaderName::from_static(client),
            levels: levels.map(HeaderName::from_static),
        }
    }

    #[test]
    fn a_preset_is_what_the_gateway_sends_and_can_be_renamed() {
        let plain = named("x-auth-scopes", "x-auth-client", Some("x-auth-levels"));
        assert_eq!(headers(&[]), Ok(plain));
        assert_eq!(
            headers(&["--gateway-headers", "oauth2-proxy"]),
            Ok(named("x-auth-request-groups", "x-auth-request-user", None))
        );
        assert_eq!(
            headers(&["--gateway-headers", "envoy"]),
            Ok(IdentityHeaders::Payload(HeaderName::from_static("x-jwt-payload")))
        );
        let renamed = [
            "--gateway-headers",
            "oauth2-proxy",
            "--gateway-scopes-header",
            "X-Scopes",
            "--gateway-client-header",
            "X-User",
            "--gateway-levels-header",
            "X-Levels",
        ];
        assert_eq!(
            headers(&renamed),
            Ok(named("x-scopes", "x-user", Some("x-levels")))
        );
        assert_eq!(
            headers(&[
                "--gateway-headers",
                "envoy",
                "--gateway-payload-header",
                "X-Claims"
            ]),
            Ok(IdentityHeaders::Payload(HeaderName::from_static("x-claims")))
        );
        assert_eq!(
            headers(&["--gateway-payload-header", "X-Claims"]),
            Err(
                "--gateway-headers plain has no such header as --gateway-payload-header renames; see --help for those \
                 of each preset"
                    .to_owned()
            )
        );
    }
}
