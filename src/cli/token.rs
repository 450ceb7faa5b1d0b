//! `task-status token`: signs a bearer token for scripts and tests.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use thiserror::Error;

use super::{CommandError, print};
use crate::auth::issuer::{Grant, Issuer};
use crate::auth::jws::KeyError;
use crate::auth::key_source::read_secret;
use crate::auth::keys::{KeySet, KeysError};
use crate::cli::args::TokenArgs;

/// The reason why no token was signed.
#[derive(Debug, Error)]
pub enum TokenError {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot sign with the secret")]
    Secret(#[source] KeysError),
    #[error(
        "cannot sign with the private key: RSA, P-256, P-384 and Ed25519 keys in PEM (PKCS #8) are supported"
    )]
    Key(#[source] KeyError),
}

pub fn run(args: &TokenArgs) -> Result<(), CommandError> {
    let grant = Grant {
        client: args.client.clone(),
        scopes: args.scope.clone(),
        authorities: args.authorities.clone(),
        issuer: args.issuer.clone(),
        audience: args.audience.clone(),
        lifetime: args.expires,
    };
    let token = issuer(args)?.token(&grant).map_err(TokenError::Key)?;
    print(format_args!("{token}\n"))
}

fn issuer(args: &TokenArgs) -> Result<Issuer, TokenError> {
    if let Some(path) = &args.private_key_file {
        return Issuer::from_pem(&read(path)?, args.algorithm, args.key_id.as_deref())
            .map_err(TokenError::Key);
    }
    let secret = match (&args.jwt_secret_file, &args.jwt_secret) {
        (Some(path), _) => read(path)?,
        (None, secret) => secret
            .as_ref()
            .map(|secret| secret.expose_secret().as_bytes().to_vec())
            .unwrap_or_default(),
    };
    // `serve` refuses shorter secrets.
    KeySet::from_secret(&secret).map_err(TokenError::Secret)?;
    Ok(Issuer::from_secret(&secret))
}

fn read(path: &Path) -> Result<Vec<u8>, TokenError> {
    read_secret(path).map_err(|source| TokenError::Read {
        path: path.to_owned(),
        source,
    })
}
