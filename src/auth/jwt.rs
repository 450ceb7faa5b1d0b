//! Bearer tokens: JSON Web Tokens (RFC 7519) whose signature, times, issuer and audience are checked (RFC 8725).

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Number;
use thiserror::Error;

use super::Caller;
use super::key_source::KeySource;
use super::keys::KeySet;

/// The longest token, in bytes. Tokens with dozens of authorities have two or three thousand.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What a token may say of its own kind: nothing, that it is a JWT, or that it is an access token (RFC 9068). Tokens
/// that were made for something else are not taken for one (RFC 8725, section 3.11).
const TYPES: [&str; 4] = ["JWT", "at+jwt", "application/jwt", "application/at+jwt"];

/// Why a token is not accepted. Nothing of the token is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    #[error("the token is no signed JSON Web Token")]
    Malformed,
    #[error("the token's kind or a critical extension of it is not supported")]
    Kind,
    #[error("the token's algorithm is not one of its key")]
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
    #[error("the token's claim {0} is missing or has not the form it must have")]
    Claim(&'static str),
    /// Not the token's fault: no key has been had yet.
    #[error("there are no keys yet to check tokens with")]
    NoKeys,
}

/// What a token must say besides being signed.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// `iss` must be one of them, unless there are none.
    pub issuers: Vec<String>,
    /// `aud` must name one of them. A token that names any is refused where there are none (RFC 7519, section 4.1.3).
    pub audiences: Vec<String>,
    /// By how much clocks may differ.
    pub leeway: Duration,
}

/// Checks tokens.
#[derive(Debug)]
pub struct Verifier {
    keys: KeySource,
    rules: Rules,
}

impl Verifier {
    pub fn new(keys: KeySource, rules: Rules) -> Self {
        Self { keys, rules }
    }

    /// Who the caller is by this token.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = Header::of(token)?;
        let algorithm = header.check()?;
        let keys = self.keys.current().ok_or(TokenError::NoKeys)?;
        let id = header.kid.as_deref();
        let mut claims = self.claims(token, &keys, id, algorithm);
        // The issuer may have a new key, unless the token names one that is known.
        let names_a_known_key = id.is_some() && keys.knows(id);
        if matches!(claims, Err(TokenError::Signature))
            && !names_a_known_key
            && let Some(newer) = self.keys.newer_than(&keys).await
        {
            claims = self.claims(token, &newer, id, algorithm);
        }
        let claims = claims?;
        claims.check_times(self.rules.leeway)?;
        Ok(claims.into_caller())
    }

    /// Whether there are keys to check with.
    pub fn has_keys(&self) -> bool {
        self.keys.current().is_some()
    }

    /// Keeps the keys current for as long as it is polled.
    pub async fn watch(&self) -> Infallible {
        self.keys.watch().await
    }

    /// The claims of a token that one of the keys has signed, issued by whom and for whom it must be.
    fn claims(
        &self,
        token: &str,
        keys: &KeySet,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(algorithm);
        // The library takes whole seconds only; fractions are allowed (RFC 7519, section 2).
        validation.validate_exp = false;
        let mut required = Vec::new();
        if !self.rules.issuers.is_empty() {
            required.push("iss");
            validation.set_issuer(&self.rules.issuers);
        }
        if !self.rules.audiences.is_empty() {
            required.push("aud");
            validation.set_audience(&self.rules.audiences);
        }
        validation.required_spec_claims = required.into_iter().map(str::to_owned).collect();

        let mut refusal = if keys.knows(id) {
            TokenError::Algorithm
        } else {
            TokenError::Signature
        };
        for candidate in keys.candidates(id, algorithm) {
            match jsonwebtoken::decode::<Claims>(token, &candidate.verifying, &validation) {
                Ok(decoded) => return Ok(decoded.claims),
                Err(error) => {
                    refusal = refusal_of(error.kind());
                    if refusal != TokenError::Signature {
                        break;
                    }
                }
            }
        }
        Err(refusal)
    }
}

fn refusal_of(error: &ErrorKind) -> TokenError {
    match error {
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => TokenError::Issuer,
        ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => TokenError::Audience,
        ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
        ErrorKind::Json(_) | ErrorKind::Base64(_) | ErrorKind::Utf8(_) | ErrorKind::InvalidToken => {
            TokenError::Malformed
        }
        // What remains are signatures that do not fit and keys that are none.
        _ => TokenError::Signature,
    }
}

/// What is read of a token before its signature is checked. Nothing else of the header is believed or looked up: no
/// `jwk`, `jku`, `x5c` or `x5u`.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

impl Header {
    fn of(token: &str) -> Result<Self, TokenError> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed);
        };
        let header = URL_SAFE_NO_PAD
            .decode(header)
            .map_err(|_| TokenError::Malformed)?;
        serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)
    }

    /// The algorithm, one that can be trusted at all; `none` is not.
    fn check(&self) -> Result<Algorithm, TokenError> {
        let known = |typ: &String| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known));
        // None of the extensions that could be critical is supported (RFC 7515, section 4.1.11).
        if self.crit.is_some() || !self.typ.as_ref().is_none_or(known) {
            return Err(TokenError::Kind);
        }
        self.alg.parse().map_err(|_| TokenError::Algorithm)
    }
}

/// What a token says of its holder, in the forms that issuers use.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    scope: Option<Texts>,
    scp: Option<Texts>,
    authorities: Option<Texts>,
    client_id: Option<String>,
    azp: Option<String>,
    sub: Option<String>,
}

/// Seconds since 1970, fractions included (RFC 7519, section 2).
type NumericDate = Number;

/// Texts in an array, or in one text with spaces between them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn into_words(self) -> Vec<String> {
        let words = |text: &String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        match self {
            Self::One(text) => words(&text),
            Self::Several(texts) => texts.iter().flat_map(words).collect(),
        }
    }
}

impl Claims {
    fn check_times(&self, leeway: Duration) -> Result<(), TokenError> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let leeway = leeway.as_secs_f64();
        let seconds = |date: &NumericDate, claim| date.as_f64().ok_or(TokenError::Claim(claim));
        let expires = self.exp.as_ref().ok_or(TokenError::Claim("exp"))?;
        // It must be before, not at, the time (RFC 7519, section 4.1.4).
        if now >= seconds(expires, "exp")? + leeway {
            return Err(TokenError::Expired);
        }
        match &self.nbf {
            Some(begins) if seconds(begins, "nbf")? > now + leeway => Err(TokenError::NotYetValid),
            _ => Ok(()),
        }
    }

    pub(super) fn into_caller(self) -> Caller {
        let scopes = [self.scope, self.scp]
            .into_iter()
            .flatten()
            .flat_map(Texts::into_words)
            .collect();
        let client = self.client_id.or(self.azp).or_else(|| self.sub.clone());
        let mut caller = Caller::new(client, scopes, self.authorities.map(Texts::into_words));
        caller.subject = self.sub;
        caller
    }
}
