//! The settings of `task-status token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};
use secrecy::SecretString;

use crate::auth::caller::READ;
use crate::auth::jws::Algorithm;

/// Sign a bearer token with your key, for scripts and tests
///
/// Prints the token. A service accepts it if it trusts the key: with --auth jwt and the same secret
/// (--jwt-secret-file), or the public key of the private one (--jwt-key-file). `serve` never signs tokens.
#[derive(Debug, Args)]
#[command(
    next_help_heading = "Token",
    group(ArgGroup::new("key").required(true).multiple(true).args(["jwt_secret_file", "jwt_secret", "private_key_file"])),
    after_help = "Examples:\n  \
        head -c 32 /dev/urandom | base64 >secret\n  \
        task-status token --jwt-secret-file secret --scope idn:task-management:write --expires 8h\n  \
        task-status token --private-key-file key.pem --key-id 2026 --issuer https://issuer.example --expires 15m"
)]
pub struct TokenArgs {
    /// Sign with the secret in this file (HS256)
    #[arg(long, env = "TASK_STATUS_JWT_SECRET_FILE", value_name = "FILE")]
    pub jwt_secret_file: Option<PathBuf>,
    /// Sign with this secret (HS256). Prefer the variable: other users of this machine can see the arguments of a process
    #[arg(
        long,
        env = "TASK_STATUS_JWT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub jwt_secret: Option<SecretString>,
    /// Sign with the private key in this file instead of a secret: RSA, P-256, P-384 or Ed25519 in PEM (PKCS #8)
    #[arg(long, value_name = "FILE")]
    pub private_key_file: Option<PathBuf>,
    /// Algorithm of the private key. By default RS256, ES256, ES384 or EdDSA, depending on the key
    #[arg(long, requires = "private_key_file", value_name = "NAME")]
    pub algorithm: Option<Algorithm>,
    /// Id of the key in the issuer's key set (kid)
    #[arg(long, requires = "private_key_file", value_name = "ID")]
    pub key_id: Option<String>,
    /// Scopes of the token, separated by commas: idn:task-management:read, idn:task-management:write,
    /// sp:scopes:all
    #[arg(long, default_value = READ, value_delimiter = ',', value_name = "SCOPES")]
    pub scope: Vec<String>,
    /// How long the token is valid
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub expires: Duration,
    /// Name of the client (client_id, sub)
    #[arg(long, default_value = "script", value_name = "NAME")]
    pub client: String,
    /// User levels of the client (authorities), separated by commas, such as ORG_ADMIN
    #[arg(long, value_delimiter = ',', value_name = "LEVELS")]
    pub authorities: Vec<String>,
    /// Issuer of the token (iss)
    #[arg(long, value_name = "ISSUER")]
    pub issuer: Option<String>,
    /// Audience of the token (aud)
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,
}
