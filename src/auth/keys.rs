//! Keys that signatures are checked with, each with the algorithms that it may be used for.
//!
//! The algorithm is the key's business and not the token's (RFC 8725, section 3.1): a public key is never a shared
//! secret, and an RSA key never an elliptic curve.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// The shortest shared secret, in bytes: as long as the hash of HS256 (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;
/// The most keys of one set. A token without a key id is tried with each of them.
const MAX_KEYS: usize = 50;

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Keys cannot be read.
#[derive(Debug, Error)]
pub enum KeysError {
    #[error("it is neither a JSON Web Key Set nor PEM")]
    Form,
    #[error("it holds no key for signatures that is supported (RSA, P-256, P-384, Ed25519)")]
    NoKey,
    #[error("it holds more than {MAX_KEYS} keys")]
    TooMany,
    #[error("it holds a private key; only public keys belong here")]
    Private,
    #[error("its key number {number} cannot be read")]
    Pem {
        number: usize,
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    #[error("the secret has {0} bytes; at least {MIN_SECRET_BYTES} are needed")]
    ShortSecret(usize),
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// What tokens call it, if anything.
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) verifying: DecodingKey,
}

/// The keys that are trusted at one time.
#[derive(Debug)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// A shared secret, for HS256.
    ///
    /// # Errors
    /// It is too short.
    pub fn of_secret(secret: &[u8]) -> Result<Self, KeysError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeysError::ShortSecret(secret.len()));
        }
        Ok(Self(vec![Key {
            id: None,
            algorithms: vec![Algorithm::HS256],
            verifying: DecodingKey::from_secret(secret),
        }]))
    }

    /// What a file holds: a JSON Web Key Set, or public keys in PEM.
    ///
    /// # Errors
    /// It cannot be read, or there is no key in it.
    pub fn of_file(content: &[u8]) -> Result<Self, KeysError> {
        let text = std::str::from_utf8(content).map_err(|_| KeysError::Form)?;
        if text.contains("-----BEGIN ") {
            Self::of_pem(text)
        } else {
            Self::of_jwks(content)
        }
    }

    /// A JSON Web Key Set (RFC 7517). Keys of kinds that are not supported are passed over, as its section 5 asks;
    /// symmetric ones too: whoever can read the set could sign with them.
    ///
    /// # Errors
    /// It is no such set, or there is no key in it.
    pub fn of_jwks(content: &[u8]) -> Result<Self, KeysError> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let Jwks { keys } = serde_json::from_slice(content).map_err(|_| KeysError::Form)?;
        // Whoever can read the set could sign with it.
        if keys.iter().any(|key| key.get("d").is_some()) {
            return Err(KeysError::Private);
        }
        let supported = keys
            .into_iter()
            .filter_map(|key| of_jwk(&serde_json::from_value(key).ok()?))
            .collect();
        Self::of_keys(supported)
    }

    fn of_pem(text: &str) -> Result<Self, KeysError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(KeysError::Private);
        }
        let keys = text
            .split_inclusive("-----END PUBLIC KEY-----")
            .filter(|block| block.contains("-----BEGIN PUBLIC KEY-----"))
            .enumerate()
            .map(|(index, block)| {
                of_public_pem(block).map_err(|source| KeysError::Pem {
                    number: index + 1,
                    source,
                })
            })
            .collect::<Result<_, _>>()?;
        Self::of_keys(keys)
    }

    fn of_keys(keys: Vec<Key>) -> Result<Self, KeysError> {
        match keys.len() {
            0 => Err(KeysError::NoKey),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(KeysError::TooMany),
        }
    }

    /// Whether a token may be signed by a key of this set at all: one with the id, or without any.
    pub fn knows(&self, id: Option<&str>) -> bool {
        self.0.iter().any(|key| key.is_called(id))
    }

    /// The keys that may have signed a token.
    pub fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        self.0
            .iter()
            .filter(move |key| key.is_called(id) && key.algorithms.contains(&algorithm))
    }

    /// How many there are.
    pub fn number(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    /// A key without an id fits every token, and a token without one every key.
    fn is_called(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(own), Some(given)) => own == given,
            _ => true,
        }
    }
}

/// A public key for signatures, or none.
fn of_jwk(jwk: &Jwk) -> Option<Key> {
    let common = &jwk.common;
    let for_signatures = common
        .public_key_use
        .as_ref()
        .is_none_or(|what| *what == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let possible: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &RSA,
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => &[],
    };
    let algorithms: Vec<Algorithm> = match common.key_algorithm {
        None => possible.to_vec(),
        Some(named) => Algorithm::try_from(named)
            .ok()
            .filter(|algorithm| possible.contains(algorithm))
            .into_iter()
            .collect(),
    };
    if !for_signatures || algorithms.is_empty() {
        return None;
    }
    Some(Key {
        id: common.key_id.clone(),
        algorithms,
        verifying: DecodingKey::from_jwk(jwk).ok()?,
    })
}

type Read = fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>;

/// A key by its `BEGIN PUBLIC KEY`. That of an elliptic curve does not say here which curve it is: the signature of
/// another does not fit.
fn of_public_pem(pem: &str) -> Result<Key, jsonwebtoken::errors::Error> {
    let bytes = pem.as_bytes();
    let kinds: [(Read, &[Algorithm]); 3] = [
        (DecodingKey::from_rsa_pem, &RSA),
        (DecodingKey::from_ec_pem, &[Algorithm::ES256, Algorithm::ES384]),
        (DecodingKey::from_ed_pem, &[Algorithm::EdDSA]),
    ];
    let mut refusal = ErrorKind::InvalidKeyFormat.into();
    for (read, algorithms) in kinds {
        match read(bytes) {
            Ok(key) => {
                return Ok(Key {
                    id: None,
                    algorithms: algorithms.to_vec(),
                    verifying: key,
                });
            }
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}
