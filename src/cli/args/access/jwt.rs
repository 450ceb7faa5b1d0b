//! The settings of `--auth jwt`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use secrecy::{ExposeSecret, SecretString};

use super::AccessError;
use crate::auth::jwt::{TokenPolicy, Verifier};
use crate::auth::key_source::{KeySource, Pace};
use crate::auth::keys::KeySet;
use crate::auth::permissions::PermissionMap;

/// The default leeway.
const LEEWAY: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access with --auth jwt")]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
pub struct JwtArgs {
    /// Check tokens with the issuer's keys from this URL (a JSON Web Key Set), fetched every five minutes and when a
    /// token names an unknown key
    // Hidden since its query may contain a key.
    #[arg(
        long,
        env = "TASK_STATUS_JWT_JWKS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub jwt_jwks_url: Option<SecretString>,
    /// Allow http:// in --jwt-jwks-url to another machine, such as an issuer in the same cluster. Whoever can change that
    /// traffic can then sign tokens
    #[arg(long, env = "TASK_STATUS_JWT_ALLOW_INSECURE_JWKS", value_parser = BoolishValueParser::new())]
    pub jwt_allow_insecure_jwks: bool,
    /// Check tokens with the public keys in this file: a JSON Web Key Set or PEM, reloaded when it changes
    #[arg(long, env = "TASK_STATUS_JWT_KEY_FILE", value_name = "FILE")]
    pub jwt_key_file: Option<PathBuf>,
    /// Check tokens with the secret in this file (HS256), 32 bytes or more, reloaded when it changes
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
    /// Accepted issuers (iss), separated by commas. By default any issuer that signs with a trusted key
    #[arg(
        long,
        env = "TASK_STATUS_JWT_ISSUER",
        value_delimiter = ',',
        value_name = "ISSUERS"
    )]
    pub jwt_issuer: Vec<String>,
    /// Accepted audiences (aud), separated by commas. By default a token with an audience is refused
    #[arg(
        long,
        env = "TASK_STATUS_JWT_AUDIENCE",
        value_delimiter = ',',
        value_name = "AUDIENCES"
    )]
    pub jwt_audience: Vec<String>,
    /// Claim to compare with --jwt-audience instead of aud, which may then be missing: client_id for Amazon Cognito
    #[arg(long, env = "TASK_STATUS_JWT_AUDIENCE_CLAIM", value_parser = NonEmptyStringValueParser::new(), value_name = "CLAIM")]
    pub jwt_audience_claim: Option<String>,
    /// Allowed difference between the clocks of the issuer and of this machine, 5m at most. 30s by default
    #[arg(long, env = "TASK_STATUS_JWT_LEEWAY", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub jwt_leeway: Option<Duration>,
}

impl JwtArgs {
    pub(super) fn first_given(&self) -> Option<&'static str> {
        [
            ("--jwt-jwks-url", self.jwt_jwks_url.is_some()),
            ("--jwt-allow-insecure-jwks", self.jwt_allow_insecure_jwks),
            ("--jwt-key-file", self.jwt_key_file.is_some()),
            ("--jwt-secret-file", self.jwt_secret_file.is_some()),
            ("TASK_STATUS_JWT_SECRET", self.jwt_secret.is_some()),
            ("--jwt-issuer", !self.jwt_issuer.is_empty()),
            ("--jwt-audience", !self.jwt_audience.is_empty()),
            ("--jwt-audience-claim", self.jwt_audience_claim.is_some()),
            ("--jwt-leeway", self.jwt_leeway.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, given)| given.then_some(flag))
    }

    pub(super) fn leeway(&self) -> Duration {
        self.jwt_leeway.unwrap_or(LEEWAY)
    }

    pub(super) fn sources(&self) -> usize {
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

    pub(super) async fn verifier(&self, permissions: PermissionMap) -> Result<Verifier, AccessError> {
        let keys = if let Some(url) = &self.jwt_jwks_url {
            KeySource::issuer(url.expose_secret(), self.jwt_allow_insecure_jwks, Pace::default())?
        } else if let Some(path) = &self.jwt_key_file {
            KeySource::file(path.clone()).await?
        } else if let Some(path) = &self.jwt_secret_file {
            KeySource::secret_file(path.clone()).await?
        } else if let Some(secret) = &self.jwt_secret {
            let keys = KeySet::from_secret(secret.expose_secret().as_bytes()).map_err(AccessError::Secret)?;
            KeySource::fixed(keys)
        } else {
            return Err(AccessError::NotOneKeySource);
        };
        let policy = TokenPolicy {
            issuers: self.jwt_issuer.clone(),
            audiences: self.jwt_audience.clone(),
            audience_claim: self.jwt_audience_claim.clone(),
            leeway: self.leeway(),
            permissions,
        };
        Ok(Verifier::new(keys, policy))
    }
}
