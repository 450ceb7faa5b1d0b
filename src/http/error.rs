//! Failures of a request, and the only mapping from a failure to a status.
//!
//! A handler returns an [`ApiError`]; its response carries it as an extension and has no body. The envelope middleware
//! (`error_body.rs`) writes the body, since only there the tracking id and the languages of the request are known.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use thiserror::Error;

use crate::auth::jwt::TokenError;
use crate::auth::rate::TooMany;
use crate::auth::{Denied, IdentityError};
use crate::memory::MemoryError;
use crate::messages::cause::Cause;
use crate::messages::locale::Locale;
use crate::pending::page::PageError;
use crate::store::{Refusal, StoreError};
use crate::task::json::JsonError;
use crate::task::violation::Violation;

/// `Retry-After` of a 503, in seconds.
const RETRY_AFTER: u64 = 1;
/// The same after a statement that took too long.
const RETRY_SLOW_AFTER: u64 = 60;
/// The protection space of the credentials (RFC 9110, section 11.5).
const REALM: &str = "task-status";

/// Why a request fails.
#[derive(Debug, Error)]
pub enum ApiError {
    /// Something in the request cannot be parsed: percent-encoding, JSON, a filter.
    #[error("the request could not be parsed: {0:?}")]
    BadSyntax(Vec<Cause>),
    /// The request is understood, and something in it is not allowed: an offset, a field, a status.
    #[error("the request asks for what is not allowed: {0:?}")]
    BadContent(Vec<Cause>),
    /// The caller is not authenticated.
    #[error("the caller is not authenticated")]
    Unauthorized(#[from] IdentityError),
    /// The caller is not permitted.
    #[error("the caller lacks {0}")]
    Forbidden(Denied),
    /// The caller exceeds the rate limit.
    #[error("more than {} requests in {:?}", .0.rate.requests, .0.rate.period)]
    TooManyRequests(TooMany),
    /// No permit is free.
    #[error("too many requests are in flight")]
    Overloaded,
    /// No token is given (RFC 6749, section 5.2).
    #[error("no token is given: {0}, {1:?}")]
    OAuth(OAuthError, Vec<Cause>),
    /// The response was not ready in time.
    #[error("no response within {seconds} seconds")]
    DeadlineExceeded { seconds: u64 },
    /// The database cannot be reached.
    #[error("the database is not available")]
    DatabaseUnavailable(#[source] StoreError),
    /// A statement took longer than the statement timeout.
    #[error("the database took too long")]
    StatementTimeout(#[source] StoreError),
    /// The response has no memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The database did not confirm in time that a cached page is current.
    #[error(transparent)]
    NotConfirmed(StoreError),
    /// A bug, or a database that is not ours.
    #[error("an internal fault occurred")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A handler panicked.
    #[error("a handler panicked: {0}")]
    Panic(String),
    /// Refused with a status that says why: by the router, a layer, or a handler.
    #[error("refused with status {0}: {1:?}")]
    Refused(StatusCode, Vec<Cause>),
}

/// Why a token endpoint gives no token (RFC 6749, section 5.2). Shown as the code that clients read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OAuthError {
    #[error("invalid_request")]
    InvalidRequest,
    #[error("invalid_client")]
    InvalidClient,
    #[error("unsupported_grant_type")]
    UnsupportedGrantType,
    #[error("invalid_scope")]
    InvalidScope,
}

/// A class of failures as the contract names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorClass {
    pub status: StatusCode,
    /// `detailCode` of the envelope.
    pub detail_code: &'static str,
    /// Id of the message that is the generic reason.
    pub reason: &'static str,
}

impl ErrorClass {
    const BAD_SYNTAX: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "400.0 Bad request syntax",
        "bad-request-syntax",
    );
    const BAD_CONTENT: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "400.1 Bad Request Content",
        "bad-request-content",
    );
    const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "500.0 Internal Fault",
        "internal-fault",
    );
    /// The classes that are one status each; a library may respond with these too.
    const BY_STATUS: [Self; 14] = [
        Self::new(StatusCode::UNAUTHORIZED, "401 Unauthorized", "unauthorized"),
        Self::new(StatusCode::FORBIDDEN, "403 Forbidden", "forbidden"),
        Self::new(StatusCode::NOT_FOUND, "404 Not found", "not-found"),
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "405 Method not allowed",
            "method-not-allowed",
        ),
        Self::new(StatusCode::NOT_ACCEPTABLE, "406 Not acceptable", "not-acceptable"),
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "408 Request timeout",
            "request-timeout",
        ),
        Self::new(StatusCode::CONFLICT, "409 Conflict", "conflict"),
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "412 Precondition failed",
            "precondition-failed",
        ),
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "413 Payload too large",
            "payload-too-large",
        ),
        Self::new(StatusCode::URI_TOO_LONG, "414 URI too long", "uri-too-long"),
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "415 Unsupported media type",
            "unsupported-media-type",
        ),
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "429 Too many requests",
            "too-many-requests",
        ),
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "431 Request header fields too large",
            "header-fields-too-large",
        ),
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "503 Service unavailable",
            "service-unavailable",
        ),
    ];

    const fn new(status: StatusCode, detail_code: &'static str, reason: &'static str) -> Self {
        Self {
            status,
            detail_code,
            reason,
        }
    }

    /// The class of a bare status. A status that the contract does not know is a general client or server error.
    pub fn from_status(status: StatusCode) -> Self {
        Self::BY_STATUS
            .into_iter()
            .find(|class| class.status == status)
            .unwrap_or(if status.is_client_error() {
                Self::BAD_SYNTAX
            } else {
                Self::INTERNAL
            })
    }
}

impl ApiError {
    /// The class of this failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::BadSyntax(_) => ErrorClass::BAD_SYNTAX,
            Self::Unauthorized(IdentityError::Token(TokenError::NoKeys))
            | Self::Overloaded
            | Self::DeadlineExceeded { .. }
            | Self::DatabaseUnavailable(_)
            | Self::StatementTimeout(_)
            | Self::Memory(MemoryError::Exhausted)
            | Self::NotConfirmed(_) => ErrorClass::from_status(StatusCode::SERVICE_UNAVAILABLE),
            Self::Unauthorized(_) | Self::OAuth(OAuthError::InvalidClient, _) => {
                ErrorClass::from_status(StatusCode::UNAUTHORIZED)
            }
            Self::BadContent(_) | Self::Memory(MemoryError::TooLarge { .. }) | Self::OAuth(..) => {
                ErrorClass::BAD_CONTENT
            }
            Self::Forbidden(_) => ErrorClass::from_status(StatusCode::FORBIDDEN),
            Self::TooManyRequests(_) => ErrorClass::from_status(StatusCode::TOO_MANY_REQUESTS),
            Self::Internal(_) | Self::Panic(_) => ErrorClass::INTERNAL,
            Self::Refused(status, _) => ErrorClass::from_status(*status),
        }
    }

    /// The causes that the response names. They say nothing of the inside of the service.
    pub fn causes(&self) -> Vec<Cause> {
        match self {
            Self::BadSyntax(causes)
            | Self::BadContent(causes)
            | Self::OAuth(_, causes)
            | Self::Refused(_, causes) => causes.clone(),
            Self::DeadlineExceeded { seconds } => vec![Cause::DeadlineExceeded { seconds: *seconds }],
            Self::DatabaseUnavailable(_) => vec![Cause::DatabaseUnavailable],
            Self::StatementTimeout(_) => vec![Cause::StatementTimeout],
            Self::Memory(MemoryError::Exhausted) => vec![Cause::MemoryExhausted],
            Self::Memory(MemoryError::TooLarge { limit }) => vec![Cause::ResponseTooLarge { limit: *limit }],
            Self::NotConfirmed(_) => vec![Cause::NotConfirmed],
            Self::Unauthorized(error) => vec![Cause::Identity(error.clone())],
            Self::TooManyRequests(TooMany { rate, .. }) => vec![Cause::TooManyRequests {
                requests: rate.requests.get(),
                period: humantime::format_duration(rate.period).to_string(),
            }],
            Self::Overloaded => vec![Cause::Overloaded],
            Self::Forbidden(_) | Self::Internal(_) | Self::Panic(_) => Vec::new(),
        }
    }
}

impl ApiError {
    /// The kind of a failure that is not the request's own, as metrics name it.
    pub fn error_type(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooManyRequests(_) => "rate_limited",
            Self::Unauthorized(IdentityError::Token(TokenError::NoKeys)) => "no_keys",
            Self::Overloaded => "overloaded",
            Self::DeadlineExceeded { .. } => "deadline_exceeded",
            Self::DatabaseUnavailable(_) => "database_unavailable",
            Self::StatementTimeout(_) => "statement_timeout",
            Self::Memory(MemoryError::Exhausted) => "memory_exhausted",
            Self::NotConfirmed(_) => "not_confirmed",
            Self::Internal(_) => "internal",
            Self::Panic(_) => "panic",
            _ => return None,
        })
    }
}

impl ApiError {
    /// 400 for the faults of a query: bad syntax if one of them is a filter that cannot be parsed.
    pub fn from_query(causes: Vec<Cause>) -> Self {
        let syntax = |cause: &Cause| matches!(cause, Cause::Filter(error) if error.is_syntax());
        if causes.iter().any(syntax) {
            Self::BadSyntax(causes)
        } else {
            Self::BadContent(causes)
        }
    }

    /// 404 for a task that does not exist.
    pub fn unknown_task(id: &str) -> Self {
        Self::Refused(
            StatusCode::NOT_FOUND,
            vec![Cause::UnknownTask { id: id.to_owned() }],
        )
    }
}

impl ApiError {
    /// The value of `WWW-Authenticate`: which credentials are needed, and what is wrong with those that were sent (RFC
    /// 6750, section 3).
    fn challenge(&self) -> Option<HeaderValue> {
        let challenge = match self {
            Self::Unauthorized(IdentityError::Token(TokenError::NoKeys)) => return None,
            Self::Unauthorized(error @ IdentityError::Token(_)) => {
                let description = Locale::system_default().text(&Cause::Identity(error.clone()).message());
                format!(r#"Bearer realm="{REALM}", error="invalid_token", error_description="{description}""#)
            }
            Self::Forbidden(Denied::Scope(permission)) => {
                let scope = permission.scope();
                format!(r#"Bearer realm="{REALM}", error="insufficient_scope", scope="{scope}""#)
            }
            // The scopes of the contract are not those of the issuer.
            Self::Forbidden(Denied::Value(_)) => {
                format!(r#"Bearer realm="{REALM}", error="insufficient_scope""#)
            }
            // No other scope would help.
            Self::Forbidden(Denied::Level(_)) => format!(
                r#"Bearer realm="{REALM}", error="insufficient_scope", error_description="No user level of the caller allows it.""#
            ),
            Self::OAuth(OAuthError::InvalidClient, _) => format!(r#"Basic realm="{REALM}""#),
            error if error.class().status == StatusCode::UNAUTHORIZED => format!(r#"Bearer realm="{REALM}""#),
            _ => return None,
        };
        HeaderValue::try_from(challenge).ok()
    }

    /// The value of `Retry-After`, in seconds.
    fn retry_after(&self) -> Option<u64> {
        match self {
            // Rounded up: a second too early is refused again.
            Self::TooManyRequests(TooMany { retry_after, .. }) => Some(retry_after.as_secs() + 1),
            // The same statement would take as long again.
            Self::StatementTimeout(_) => Some(RETRY_SLOW_AFTER),
            error if error.class().status == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER),
            _ => None,
        }
    }
}

impl From<Vec<Violation>> for ApiError {
    fn from(violations: Vec<Violation>) -> Self {
        Self::BadContent(violations.into_iter().map(Cause::from).collect())
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        Self::BadSyntax(vec![error.into()])
    }
}

impl From<TooMany> for ApiError {
    fn from(error: TooMany) -> Self {
        Self::TooManyRequests(error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused { refusal, .. } => Self::BadContent(vec![refusal.into()]),
            StoreError::Memory(error) => error.into(),
            error if error.is_statement_timeout() => Self::StatementTimeout(error),
            error if error.is_pool_timeout() => Self::Overloaded,
            error if error.is_not_confirmed() => Self::NotConfirmed(error),
            // Even if waiting does not help, the request is not at fault.
            error if error.is_outage() => Self::DatabaseUnavailable(error),
            error => Self::Internal(Box::new(error)),
        }
    }
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Constraint(constraint) => Self::Constraint { constraint },
            Refusal::Violation(violation) => violation.into(),
        }
    }
}

impl From<PageError> for ApiError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Store(error) => error.into(),
            error => Self::Internal(Box::new(error)),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.class().status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_shared_read_fails_alike_for_each_request() {
        let late = || StoreError::NotConfirmed {
            timeout: Duration::from_secs(2),
        };
        for (error, cause) in [
            (late(), Cause::NotConfirmed),
            (StoreError::Shared(Arc::new(late())), Cause::NotConfirmed),
            (
                StoreError::Shared(Arc::new(StoreError::KnownDown)),
                Cause::DatabaseUnavailable,
            ),
        ] {
            let error = ApiError::from(error);
            assert_eq!(error.causes(), [cause]);
            assert_eq!(error.class().status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(error.retry_after(), Some(RETRY_AFTER));
        }
    }
}
