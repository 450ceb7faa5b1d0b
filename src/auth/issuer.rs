//! Makes tokens: for scripts and tests (`task-status token`) and for the demo, which plays its own identity provider.
//! The service itself never does.

use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

/// What a token is to say.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    pub client: String,
    pub scopes: Vec<String>,
    /// The user levels; none is said where there are none.
    pub authorities: Vec<String>,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    pub lifetime: Duration,
}

/// Signs tokens with a key.
pub struct Issuer {
    key: EncodingKey,
    header: Header,
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
    /// What the official command line shows; without it, it warns.
    user_name: &'a str,
    scope: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorities: &'a [String],
}

impl Issuer {
    /// Signs with a shared secret, by HS256.
    pub fn of_secret(secret: &[u8]) -> Self {
        Self::new(Algorithm::HS256, EncodingKey::from_secret(secret), None)
    }

    /// Signs with a private key in PEM. The algorithm is the given one, or else the first that fits the key: RS256, ES256,
    /// ES384, `EdDSA`.
    ///
    /// # Errors
    /// It is no such key, or does not fit the algorithm.
    pub fn of_pem(pem: &[u8], algorithm: Option<Algorithm>, key_id: Option<&str>) -> Result<Self, Error> {
        let candidates = match algorithm {
            Some(algorithm) => vec![algorithm],
            None => vec![
                Algorithm::RS256,
                Algorithm::ES256,
                Algorithm::ES384,
                Algorithm::EdDSA,
            ],
        };
        let mut refusal = None;
        for algorithm in candidates {
            let key = match algorithm {
                Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem),
                Algorithm::EdDSA => EncodingKey::from_ed_pem(pem),
                _ => EncodingKey::from_rsa_pem(pem),
            };
            let signing = key.and_then(|key| {
                let issuer = Self::new(algorithm, key, key_id);
                // A curve shows only when something is signed.
                issuer.token(&Grant::default()).map(|_| issuer)
            });
            match signing {
                Ok(issuer) => return Ok(issuer),
                Err(error) => refusal = Some(error),
            }
        }
        Err(refusal.unwrap_or_else(|| jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into()))
    }

    fn new(algorithm: Algorithm, key: EncodingKey, key_id: Option<&str>) -> Self {
        let mut header = Header::new(algorithm);
        header.kid = key_id.map(str::to_owned);
        Self { key, header }
    }

    /// A signed token, valid from now on.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn token(&self, grant: &Grant) -> Result<String, Error> {
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
        encode(&self.header, &claims, &self.key)
    }
}
