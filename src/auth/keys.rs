//! Key sets: keys that check signatures, each with the algorithms that it may be used with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::jws::{Algorithm, KeyError, VerifyingKey};

/// The shortest shared secret, in bytes: as long as the hash of HS256 (RFC 7518, section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;
/// The most keys of a set. A token without a key id is checked with each of them.
const MAX_KEYS: usize = 50;

/// The reason why keys cannot be used.
#[derive(Debug, Error)]
pub enum KeysError {
    #[error("it is neither a JSON Web Key Set nor PEM")]
    Form,
    #[error("it holds no supported key for signatures (RSA, P-256, P-384, Ed25519)")]
    NoKey,
    #[error("it holds more than {MAX_KEYS} keys")]
    TooMany,
    #[error("it holds a private key; only public keys belong here")]
    Private,
    #[error("its key number {number} cannot be read")]
    Pem {
        number: usize,
        #[source]
        source: KeyError,
    },
    #[error("the secret has {0} bytes; at least {MIN_SECRET_BYTES} are needed")]
    ShortSecret(usize),
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// The `kid` in tokens, if it has one.
    id: Option<String>,
    /// The only allowed algorithm; `None` allows all of the kind of key.
    algorithm: Option<Algorithm>,
    verifying: VerifyingKey,
}

/// The trusted keys.
#[derive(Debug)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// A shared secret, for HS256.
    pub fn from_secret(secret: &[u8]) -> Result<Self, KeysError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeysError::ShortSecret(secret.len()));
        }
        Ok(Self(vec![Key::without_id(VerifyingKey::from_secret(secret))]))
    }

    /// The content of a file: a JSON Web Key Set, or public keys in PEM.
    pub fn from_file(content: &[u8]) -> Result<Self, KeysError> {
        let text = std::str::from_utf8(content).map_err(|_| KeysError::Form)?;
        if text.contains("-----BEGIN ") {
            Self::from_pem(text)
        } else {
            Self::from_jwks(content)
        }
    }

    /// A JSON Web Key Set (RFC 7517). Keys of unsupported kinds are ignored, as section 5 asks. Symmetric keys are too,
    /// since every reader of the set could sign with them.
    pub fn from_jwks(content: &[u8]) -> Result<Self, KeysError> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let Jwks { keys } = serde_json::from_slice(content).map_err(|_| KeysError::Form)?;
        // Every reader of the set could sign with it.
        if keys.iter().any(|key| key.get("d").is_some()) {
            return Err(KeysError::Private);
        }
        let supported = keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.into_key())
            .collect();
        Self::from_keys(supported)
    }

    fn from_pem(text: &str) -> Result<Self, KeysError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(KeysError::Private);
        }
        let keys = text
            .split_inclusive("-----END PUBLIC KEY-----")
            .filter(|block| block.contains("-----BEGIN PUBLIC KEY-----"))
            .enumerate()
            .map(|(index, block)| {
                let number = index + 1;
                VerifyingKey::from_pem(block.as_bytes())
                    .map(Key::without_id)
                    .map_err(|source| KeysError::Pem { number, source })
            })
            .collect::<Result<_, _>>()?;
        Self::from_keys(keys)
    }

    fn from_keys(keys: Vec<Key>) -> Result<Self, KeysError> {
        match keys.len() {
            0 => Err(KeysError::NoKey),
            1..=MAX_KEYS => Ok(Self(keys)),
            _ => Err(KeysError::TooMany),
        }
    }

    /// Whether a key of this set may have signed a token with this key id.
    pub fn knows(&self, id: Option<&str>) -> bool {
        self.0.iter().any(|key| key.matches(id))
    }

    /// The keys that may have signed a token with this key id and algorithm.
    pub fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        self.0
            .iter()
            .filter(move |key| key.matches(id) && key.allows(algorithm))
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    fn without_id(verifying: VerifyingKey) -> Self {
        Self {
            id: None,
            algorithm: None,
            verifying,
        }
    }

    /// A key without an id matches every token, and a token without one matches every key.
    fn matches(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(own), Some(given)) => own == given,
            _ => true,
        }
    }

    fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm)
            && self.verifying.algorithms().contains(&algorithm)
    }

    /// Whether this is a signature of the message by this key.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.allows(algorithm) && self.verifying.verifies(algorithm, message, signature)
    }
}

/// A JSON Web Key (RFC 7517, section 4).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<Base64Url>,
    e: Option<Base64Url>,
    x: Option<Base64Url>,
    y: Option<Base64Url>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Base64Url(Vec<u8>);

impl TryFrom<String> for Base64Url {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        URL_SAFE_NO_PAD.decode(text).map(Self)
    }
}

impl Jwk {
    /// The key, if it is for signatures and of a supported kind.
    fn into_key(self) -> Option<Key> {
        let for_signatures = self.r#use.is_none_or(|purpose| purpose == "sig")
            && self
                .key_ops
                .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
        if !for_signatures {
            return None;
        }
        let point = |x: Base64Url, y: Base64Url| [&[4], &x.0[..], &y.0[..]].concat();
        let verifying = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => VerifyingKey::from_rsa(&self.n?.0, &self.e?.0),
            ("EC", Some("P-256")) => VerifyingKey::P256(point(self.x?, self.y?)),
            ("EC", Some("P-384")) => VerifyingKey::P384(point(self.x?, self.y?)),
            ("OKP", Some("Ed25519")) => VerifyingKey::Ed25519(self.x?.0),
            _ => return None,
        };
        let verifying = verifying.checked()?;
        let algorithm = self.alg.map(|name| name.parse()).transpose().ok()?;
        let key = Key {
            id: self.kid,
            algorithm,
            verifying,
        };
        algorithm
            .is_none_or(|algorithm| key.allows(algorithm))
            .then_some(key)
    }
}
