//! Signs tokens for `task-status token` and for the demo, which is its own identity provider. `serve` never signs any.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::jws::{Algorithm, KeyError, SigningKey};

/// The content of a token.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    pub client: String,
    pub scopes: Vec<String>,
    /// The user levels; the claim is omitted if empty.
    pub authorities: Vec<String>,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    pub lifetime: Duration,
}

/// Signs tokens with a key.
pub struct Issuer {
    key: SigningKey,
    algorithm: Algorithm,
    key_id: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: Algorithm,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iat: u64,
    exp: u64,
    jti: String,
    client_id: &'a str,
    /// Shown by the official command line, which warns if it is missing.
    user_name: &'a str,
    scope: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorities: &'a [String],
}

impl Issuer {
    /// Signs with a shared secret (HS256).
    pub fn from_secret(secret: &[u8]) -> Self {
        Self {
            key: SigningKey::from_secret(secret),
            algorithm: Algorithm::HS256,
            key_id: None,
        }
    }

    /// Signs with a private key in PEM. The default algorithm is the first that fits the key: RS256, ES256, ES384 or
    /// `EdDSA`.
    pub fn from_pem(
        pem: &[u8],
        algorithm: Option<Algorithm>,
        key_id: Option<&str>,
    ) -> Result<Self, KeyError> {
        let key = SigningKey::from_pem(pem)?;
        Ok(Self {
            algorithm: algorithm.unwrap_or(key.default_algorithm()),
            key,
            key_id: key_id.map(str::to_owned),
        })
    }

    /// A signed token, valid from now on.
    pub fn token(&self, grant: &Grant) -> Result<String, KeyError> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let claims = Claims {
            iss: grant.issuer.as_deref(),
            sub: &grant.client,
            aud: grant.audience.as_deref(),
            iat: now.as_secs(),
            exp: now.as_secs().saturating_add(grant.lifetime.as_secs()),
            jti: uuid::Uuid::new_v4().simple().to_string(),
            client_id: &grant.client,
            user_name: &grant.client,
            scope: &grant.scopes,
            authorities: &grant.authorities,
        };
        let header = Header {
            typ: "JWT",
            alg: self.algorithm,
            kid: self.key_id.as_deref(),
        };
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.key.sign(self.algorithm, message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn encode(part: &impl Serialize) -> String {
    // Strings and numbers always serialize.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(part).unwrap_or_default())
}
