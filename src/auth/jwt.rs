//! Bearer tokens: JSON Web Tokens (RFC 7519) whose signature, times, issuer and audience are checked (RFC 8725).

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};
use thiserror::Error;

use super::Caller;
use super::jws::Algorithm;
use super::key_source::KeySource;
use super::keys::KeySet;
use super::permissions::{PermissionMap, claim};

/// Accepted values of `typ`, which may be missing: a JWT or an access token (RFC 9068). Tokens of other kinds are
/// refused (RFC 8725, section 3.11).
const TYPES: [&str; 4] = ["JWT", "at+jwt", "application/jwt", "application/at+jwt"];

/// Claims that say that a token is no access token: an ID token of Cognito, the other tokens of Keycloak.
const OTHER_USES: [(&str, &str); 5] = [
    ("token_use", "id"),
    ("typ", "ID"),
    ("typ", "Refresh"),
    ("typ", "Offline"),
    ("typ", "Logout"),
];

/// The reason why a token is refused. It repeats nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("the token is not a signed JSON Web Token")]
    Malformed,
    #[error("the token's kind or a critical extension of it is not supported")]
    Kind,
    #[error("the token's algorithm does not fit its key")]
    Algorithm,
    #[error("no trusted key has signed the token")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token's issuer is not trusted")]
    Issuer,
    #[error("the token is meant for another audience")]
    Audience,
    #[error("the token's claim {0} is missing or malformed")]
    Claim(&'static str),
    /// No key has been fetched yet; the token may be valid.
    #[error("there are no keys to check tokens with yet")]
    NoKeys,
}

/// The claims that a token must have.
#[derive(Debug, Clone, Default)]
pub struct TokenPolicy {
    /// Accepted values of `iss`; any if empty.
    pub issuers: Vec<String>,
    /// Accepted values of `aud`. If empty, tokens with an `aud` are refused (RFC 7519, section 4.1.3).
    pub audiences: Vec<String>,
    /// The claim that is compared with them instead of `aud`, which may be missing then.
    pub audience_claim: Option<String>,
    /// Allowed difference between clocks.
    pub leeway: Duration,
    pub permissions: PermissionMap,
}

/// Checks tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: KeySource,
    policy: TokenPolicy,
}

impl Verifier {
    pub fn new(keys: KeySource, policy: TokenPolicy) -> Self {
        Self { keys, policy }
    }

    /// Checks a token and returns its caller.
    pub async fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        let header = Header::from_token(token)?;
        let algorithm = header.check()?;
        let keys = self.keys.current().ok_or(TokenError::NoKeys)?;
        let id = header.kid.as_deref();
        let mut claims = Self::claims(token, &keys, id, algorithm);
        // The issuer may have a new key, unless the token names a known one.
        let names_a_known_key = id.is_some() && keys.knows(id);
        if matches!(claims, Err(TokenError::Signature))
            && !names_a_known_key
            && let Some(newer) = self.keys.newer_than(&keys).await
        {
            claims = Self::claims(token, &newer, id, algorithm);
        }
        let claims = claims?;
        claims.check_use()?;
        claims.check_parties(&self.policy)?;
        claims.check_times(self.policy.leeway)?;
        claims.into_caller(&self.policy.permissions)
    }

    /// Whether keys have been loaded.
    pub fn has_keys(&self) -> bool {
        self.keys.current().is_some()
    }

    /// Keeps the keys current while polled.
    pub async fn watch(&self) -> Infallible {
        self.keys.watch().await
    }

    /// The claims of a token, if one of the keys has signed it.
    fn claims(
        token: &str,
        keys: &KeySet,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Claims, TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (_, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let signature = decode(signature)?;
        let mut candidates = keys.candidates(id, algorithm).peekable();
        if candidates.peek().is_none() && keys.knows(id) {
            return Err(TokenError::Algorithm);
        }
        if !candidates.any(|key| key.verifies(algorithm, message.as_bytes(), &signature)) {
            return Err(TokenError::Signature);
        }
        Claims::from_json(&decode(claims)?)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

/// The header of a token, read before its signature is checked. Keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are
/// ignored: anyone could put theirs there.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl Header {
    fn from_token(token: &str) -> Result<Self, TokenError> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed);
        };
        serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)
    }

    /// The algorithm, if it is supported; `none` is not.
    fn check(&self) -> Result<Algorithm, TokenError> {
        let known = |typ: &String| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known));
        // No critical extension is supported (RFC 7515, section 4.1.11).
        if self.crit.is_some() || !self.typ.as_ref().is_none_or(known) {
            return Err(TokenError::Kind);
        }
        self.alg.parse().map_err(|_| TokenError::Algorithm)
    }
}

/// The claims of a token, in all the forms that issuers use.
#[derive(Debug)]
pub(super) struct Claims {
    all: Value,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    authorities: Option<Texts>,
    client_id: Option<String>,
    azp: Option<String>,
    sub: Option<String>,
}

/// Seconds since 1970, fractions included (RFC 7519, section 2).
type NumericDate = Number;

/// An array of strings, or one string separated by spaces.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn into_words(self) -> Vec<String> {
        let words = |text: &String| {
            text.split(' ')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        match self {
            Self::One(text) => words(&text),
            Self::Several(texts) => texts.iter().flat_map(words).collect(),
        }
    }
}

/// Whether a claim is, or contains, one of the allowed strings.
fn names_any(claim: Option<&Value>, allowed: &[String]) -> bool {
    match claim.map(Texts::deserialize) {
        Some(Ok(Texts::One(name))) => allowed.contains(&name),
        Some(Ok(Texts::Several(names))) => names.iter().any(|name| allowed.contains(name)),
        Some(Err(_)) | None => false,
    }
}

impl Claims {
    pub(super) fn from_json(json: &[u8]) -> Result<Self, TokenError> {
        let all: Value = serde_json::from_slice(json).map_err(|_| TokenError::Malformed)?;
        if !all.is_object() {
            return Err(TokenError::Malformed);
        }
        Ok(Self {
            exp: read(&all, "exp")?,
            nbf: read(&all, "nbf")?,
            authorities: read(&all, "authorities")?,
            client_id: read(&all, "client_id")?,
            azp: read(&all, "azp")?,
            sub: read(&all, "sub")?,
            all,
        })
    }

    /// Refuses tokens that were not issued for calls. Their roles would count.
    fn check_use(&self) -> Result<(), TokenError> {
        let is_other = |(name, value)| self.all.get(name).and_then(Value::as_str) == Some(value);
        if OTHER_USES.into_iter().any(is_other) {
            return Err(TokenError::Kind);
        }
        Ok(())
    }

    /// Checks the issuer and the audience.
    fn check_parties(&self, policy: &TokenPolicy) -> Result<(), TokenError> {
        let TokenPolicy {
            issuers, audiences, ..
        } = policy;
        if !issuers.is_empty() && !names_any(claim(&self.all, "iss"), issuers) {
            return Err(TokenError::Issuer);
        }
        let is_for = |path| names_any(claim(&self.all, path), audiences);
        let has_aud = claim(&self.all, "aud").is_some();
        let is_meant = match &policy.audience_claim {
            Some(path) => is_for(path) && (!has_aud || is_for("aud")),
            None if audiences.is_empty() => !has_aud,
            None => is_for("aud"),
        };
        if !is_meant {
            return Err(TokenError::Audience);
        }
        Ok(())
    }

    fn check_times(&self, leeway: Duration) -> Result<(), TokenError> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let leeway = leeway.as_secs_f64();
        let seconds = |date: &NumericDate, claim| date.as_f64().ok_or(TokenError::Claim(claim));
        let expires = self.exp.as_ref().ok_or(TokenError::Claim("exp"))?;
        // A token is expired at `exp`, not only after it (RFC 7519, section 4.1.4).
        if now >= seconds(expires, "exp")? + leeway {
            return Err(TokenError::Expired);
        }
        match &self.nbf {
            Some(begins) if seconds(begins, "nbf")? > now + leeway => Err(TokenError::NotYetValid),
            _ => Ok(()),
        }
    }

    pub(super) fn into_caller(self, permissions: &PermissionMap) -> Result<Caller, TokenError> {
        let values = permissions.values(&self.all).ok_or(TokenError::Malformed)?;
        // `appid` and `cid` are those of Entra ID (version 1) and Okta.
        let other = |name: &str| Some(self.all.get(name)?.as_str()?.to_owned());
        let client = self
            .client_id
            .or(self.azp)
            .or_else(|| other("appid"))
            .or_else(|| other("cid"))
            .or_else(|| self.sub.clone());
        let mut caller = permissions.caller(client, values, self.authorities.map(Texts::into_words));
        caller.subject = self.sub;
        Ok(caller)
    }
}

/// A claim of a known type; null counts as missing.
fn read<T: DeserializeOwned>(claims: &Value, name: &str) -> Result<Option<T>, TokenError> {
    let value = claims.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|_| TokenError::Malformed)
}
