//! Failures of a request and what each means in HTTP. The only place where a failure becomes a status.
//!
//! A handler returns an [`ApiError`]; its response carries it as an extension and has no body. The envelope middleware
//! (`envelope.rs`) writes the body, since only there the tracking id and the languages of the request are known.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use thiserror::Error;

use crate::cause::Cause;
use crate::store::StoreError;

/// How long a caller is asked to wait where the service cannot answer at the moment, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why a request has no answer but an error.
#[derive(Debug, Error)]
pub enum ApiError {
    /// Something in the request cannot be parsed: percent-encoding, JSON, a filter.
    #[error("the request could not be parsed: {0:?}")]
    BadSyntax(Vec<Cause>),
    /// The request is understood and asks for what is not allowed: an offset, a field, a status.
    #[error("the request asks for what is not allowed: {0:?}")]
    BadContent(Vec<Cause>),
    /// The caller is known and may not do this.
    #[error("the caller has not the right")]
    Forbidden,
    /// The answer was not ready in time.
    #[error("no answer within {seconds} seconds")]
    DeadlineExceeded { seconds: u64 },
    /// There is no database to ask.
    #[error("the database is not available")]
    DatabaseUnavailable(#[source] StoreError),
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

/// What the contract says about a class of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub status: StatusCode,
    /// `detailCode` of the envelope.
    pub detail_code: &'static str,
    /// Id of the message that is the generic reason.
    pub reason: &'static str,
}

impl Kind {
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
    /// Every status that a library may answer with and that is more than a plain refusal.
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

    /// The kind of failure that a bare status stands for. A status that the contract does not know becomes the
    /// general one of its class.
    pub fn of_status(status: StatusCode) -> Self {
        Self::BY_STATUS
            .into_iter()
            .find(|kind| kind.status == status)
            .unwrap_or(if status.is_client_error() {
                Self::BAD_SYNTAX
            } else {
                Self::INTERNAL
            })
    }
}

impl ApiError {
    /// What the contract says about this failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::BadSyntax(_) => Kind::BAD_SYNTAX,
            Self::BadContent(_) => Kind::BAD_CONTENT,
            Self::Forbidden => Kind::of_status(StatusCode::FORBIDDEN),
            Self::DeadlineExceeded { .. } | Self::DatabaseUnavailable(_) => {
                Kind::of_status(StatusCode::SERVICE_UNAVAILABLE)
            }
            Self::Internal(_) | Self::Panic(_) => Kind::INTERNAL,
            Self::Refused(status, _) => Kind::of_status(*status),
        }
    }

    /// What the caller is told beyond the generic reason. Nothing of what happened inside the service.
    pub fn causes(&self) -> Vec<Cause> {
        match self {
            Self::BadSyntax(causes) | Self::BadContent(causes) | Self::Refused(_, causes) => causes.clone(),
            Self::DeadlineExceeded { seconds } => vec![Cause::DeadlineExceeded { seconds: *seconds }],
            Self::DatabaseUnavailable(_) => vec![Cause::DatabaseUnavailable],
            Self::Forbidden | Self::Internal(_) | Self::Panic(_) => Vec::new(),
        }
    }
}

impl ApiError {
    /// 400 for the faults of a query: bad syntax where one of them is a filter that cannot be parsed.
    pub fn of_query(causes: Vec<Cause>) -> Self {
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

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused { constraint, .. } => {
                Self::BadContent(vec![Cause::Constraint { constraint }])
            }
            error if error.is_transient() => Self::DatabaseUnavailable(error),
            error => Self::Internal(Box::new(error)),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.kind().status;
        let mut response = status.into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
