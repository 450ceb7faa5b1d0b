//! The demo's identity provider: `POST /oauth/token` issues tokens for the printed client id and secret, so that the
//! official SDKs and their command line work from end to end. `serve` has no such endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::auth::Authenticator;
use crate::auth::caller::{ALL, READ, WRITE};
use crate::auth::issuer::{Grant, Issuer};
use crate::auth::jwt::{TokenPolicy, Verifier};
use crate::auth::key_source::KeySource;
use crate::auth::keys::{KeySet, KeysError};
use crate::http::error::{ApiError, OAuthError};
use crate::http::extract::{self, media_type};
use crate::http::query::Query;
use crate::http::route::{Route, public};
use crate::messages::cause::Cause;
use crate::task::violation::Problem;

/// The only client.
pub const CLIENT_ID: &str = "demo";
const ISSUER: &str = "task-status demo";
/// How long a token is valid: as long as the example in the documentation of the API.
const LIFETIME: Duration = Duration::from_secs(749);
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// Issues tokens to one client. The secrets are new in every demo.
pub struct IdentityProvider {
    pub client_secret: String,
    signing_secret: String,
    issuer: Issuer,
}

/// A successful response (RFC 6749, section 5.1).
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the protocol")]
struct Token {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

impl IdentityProvider {
    pub fn new() -> Self {
        let signing_secret = random_text();
        Self {
            client_secret: random_text(),
            issuer: Issuer::from_secret(signing_secret.as_bytes()),
            signing_secret,
        }
    }

    /// Reading needs no token; writing needs one of these.
    pub fn authenticator(&self) -> Result<Authenticator, KeysError> {
        let keys = KeySet::from_secret(self.signing_secret.as_bytes())?;
        let policy = TokenPolicy {
            issuers: vec![ISSUER.to_owned()],
            ..TokenPolicy::default()
        };
        Ok(Authenticator::JwtForWrites(Verifier::new(
            KeySource::fixed(keys),
            policy,
        )))
    }

    /// The token endpoint.
    pub fn route(self: Arc<Self>) -> Route {
        let (schemas, paths, endpoint) = routes!(token);
        public((schemas, paths, endpoint.with_state(self)))
    }

    fn knows(&self, id: &str, secret: &str) -> bool {
        let secret_fits: bool = secret.as_bytes().ct_eq(self.client_secret.as_bytes()).into();
        id == CLIENT_ID && secret_fits
    }
}

/// 64 random hexadecimal digits.
fn random_text() -> String {
    [Uuid::new_v4(), Uuid::new_v4()]
        .map(|id| id.simple().to_string())
        .concat()
}

/// Issues a token for client credentials (RFC 6749, section 4.4). The official clients send these in the query, in a form,
/// as multipart or in a mix of them, and append the path to their base URL.
#[utoipa::path(post, path = "/oauth/token", responses((status = 200, description = "A token.")))]
async fn token(
    State(provider): State<Arc<IdentityProvider>>,
    query: Query,
    request: Request,
) -> Result<Response, ApiError> {
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    given.extend(basic_credentials(request.headers()));
    given.extend(
        query
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    given.extend(form_fields(request).await?);
    let parameter = |name: &'static str| {
        given.get(name).map(String::as_str).ok_or_else(|| {
            let cause = Cause::ParameterRequired { parameter: name };
            ApiError::OAuth(OAuthError::InvalidRequest, vec![cause])
        })
    };

    let grant_type = parameter("grant_type")?;
    if grant_type != CLIENT_CREDENTIALS {
        let cause = not_one_of("grant_type", grant_type, CLIENT_CREDENTIALS);
        return Err(ApiError::OAuth(OAuthError::UnsupportedGrantType, vec![cause]));
    }
    if !provider.knows(parameter("client_id")?, parameter("client_secret")?) {
        return Err(ApiError::OAuth(OAuthError::InvalidClient, Vec::new()));
    }
    let scopes = scopes(given.get("scope").map(String::as_str))?;
    let grant = Grant {
        client: CLIENT_ID.to_owned(),
        scopes: scopes.clone(),
        issuer: Some(ISSUER.to_owned()),
        lifetime: LIFETIME,
        ..Grant::default()
    };
    let access_token = provider
        .issuer
        .token(&grant)
        .map_err(|error| ApiError::Internal(Box::new(error)))?;
    let token = Token {
        access_token,
        token_type: "bearer",
        expires_in: LIFETIME.as_secs(),
        scope: scopes.join(" "),
    };
    Ok(Json(token).into_response())
}

/// The known ones among the requested scopes; reading and writing by default.
fn scopes(requested: Option<&str>) -> Result<Vec<String>, ApiError> {
    let known = [READ, WRITE, ALL];
    let Some(requested) = requested.filter(|requested| !requested.trim().is_empty()) else {
        return Ok(vec![READ.to_owned(), WRITE.to_owned()]);
    };
    let granted: Vec<String> = requested
        .split_whitespace()
        .filter(|scope| known.contains(scope))
        .map(str::to_owned)
        .collect();
    if granted.is_empty() {
        let cause = not_one_of("scope", requested, &known.join(", "));
        return Err(ApiError::OAuth(OAuthError::InvalidScope, vec![cause]));
    }
    Ok(granted)
}

fn not_one_of(parameter: &str, given: &str, allowed: &str) -> Cause {
    let (given, allowed) = (given.to_owned(), allowed.to_owned());
    Problem::NotOneOf { given, allowed }.at(parameter).into()
}

/// The credentials of `Authorization: Basic` (RFC 6749, section 2.3.1).
fn basic_credentials(headers: &HeaderMap) -> Vec<(String, String)> {
    let credentials = || {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, encoded) = value.split_once(' ')?;
        let decoded = scheme
            .eq_ignore_ascii_case("Basic")
            .then(|| STANDARD.decode(encoded.trim()).ok())??;
        let decoded = String::from_utf8(decoded).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        Some(
            [("client_id", id), ("client_secret", secret)]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    };
    credentials().into_iter().flatten().collect()
}

/// The fields of the form in the content; empty if it is not a form.
async fn form_fields(request: Request) -> Result<Vec<(String, String)>, ApiError> {
    let media_type = media_type(request.headers());
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let bytes = extract::whole(request).await?;
    let text = String::from_utf8_lossy(&bytes);
    let refused = |cause| ApiError::OAuth(OAuthError::InvalidRequest, vec![cause]);
    match media_type.as_str() {
        FORM => Ok(Query::parse(&text)
            .map_err(refused)?
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()),
        MULTIPART => content_type
            .as_ref()
            .and_then(|value| multipart(value.to_str().ok()?, &text))
            .ok_or_else(|| refused(Cause::ContentIncomplete)),
        _ => Ok(Vec::new()),
    }
}

/// The text fields of `multipart/form-data` (RFC 7578), as far as the official clients use it.
fn multipart(content_type: &str, content: &str) -> Option<Vec<(String, String)>> {
    let boundary = content_type
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("boundary="))?
        .trim_matches('"');
    let (start, end) = (format!("--{boundary}\r\n"), format!("--{boundary}--"));
    let (parts, _) = content.split_once(&end)?;
    let fields = parts.split(&start).skip(1).map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let (_, name) = head.split_once("name=\"")?;
        let (name, _) = name.split_once('"')?;
        Some((name.to_owned(), value.strip_suffix("\r\n")?.to_owned()))
    });
    fields.collect()
}
