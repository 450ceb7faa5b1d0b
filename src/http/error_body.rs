//! The body of every error response, whether a handler, the router, a layer or hyper raised it.

use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::bounds::MAX_BODY_BYTES;
use crate::http::error::ApiError;
use crate::http::routes::health::Probe;
use crate::http::tracking_id::TrackingId;
use crate::messages::cause::Cause;
use crate::messages::locale::{Locale, Message};
use crate::telemetry::error_chain;

/// [`ApiError::error_type`] of a response, as its extension.
#[derive(Debug, Clone, Copy)]
pub struct ErrorType(pub &'static str);
const ACCEPT_LANGUAGE: HeaderValue = HeaderValue::from_static("accept-language");

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ErrorResponseDto)]
pub struct ErrorBody {
    /// The reason in short; only of a 401.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// The reason in short; only of a 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<String>,
    /// Status, sub-code and title, such as `400.1 Bad Request Content`.
    detail_code: &'static str,
    /// The value of the `SLPT-Request-ID` header.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    tracking_id: String,
    /// The general reason: in the default language, then in that of the request if it is another.
    messages: Vec<LocalizedText>,
    /// An entry for each fault of the request, in the same languages.
    causes: Vec<LocalizedText>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ErrorMessageDto)]
struct LocalizedText {
    /// BCP 47 tag of the language of the text.
    #[schema(example = "en-US")]
    locale: &'static str,
    locale_origin: LocaleOrigin,
    /// The message.
    text: String,
}

/// Why a text is in its language.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
enum LocaleOrigin {
    /// The system default.
    Default,
    /// The best match of the request's Accept-Language.
    Request,
}

impl ErrorBody {
    /// The body for a failure, in English and in the requested language if there is one.
    pub fn new(error: &ApiError, tracking_id: TrackingId, requested: Option<&Locale>) -> Self {
        let class = error.class();
        let reason = Message::new(class.reason);
        let causes = error.causes();
        let text = |message: &Message| Some(Locale::system_default().text(message));
        Self {
            error: match error {
                ApiError::OAuth(code, _) => Some(code.to_string()),
                _ if class.status == StatusCode::UNAUTHORIZED => {
                    text(&causes.first().map_or_else(|| reason.clone(), Cause::message))
                }
                _ => None,
            },
            message: text(&reason).filter(|_| class.status == StatusCode::TOO_MANY_REQUESTS),
            detail_code: class.detail_code,
            tracking_id: tracking_id.to_string(),
            messages: localized(&reason, requested),
            causes: causes
                .iter()
                .flat_map(|cause| localized(&cause.message(), requested))
                .collect(),
        }
    }
}

fn localized(message: &Message, requested: Option<&Locale>) -> Vec<LocalizedText> {
    let text = |locale: &Locale, locale_origin| LocalizedText {
        locale: locale.tag(),
        locale_origin,
        text: locale.text(message),
    };
    std::iter::once(text(Locale::system_default(), LocaleOrigin::Default))
        .chain(requested.map(|locale| text(locale, LocaleOrigin::Request)))
        .collect()
}

/// The parts of a request that an error body depends on.
pub struct Context {
    tracking_id: TrackingId,
    accept_language: Option<HeaderValue>,
    method: Method,
    uri: Uri,
}

impl Context {
    pub fn of(request: &Request) -> Self {
        Self {
            tracking_id: TrackingId::current().unwrap_or_else(TrackingId::random),
            // Several header lines mean the same as one (RFC 9110, section 5.3), and the first is enough for an error text.
            accept_language: request.headers().get(header::ACCEPT_LANGUAGE).cloned(),
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    /// Gives a response of status 400 and above its body, and logs the failure with its sources.
    pub fn envelop(self, response: Response) -> Response {
        let is_failure = response.status().is_client_error() || response.status().is_server_error();
        if is_failure && response.extensions().get::<Probe>().is_none() {
            self.wrap(response)
        } else {
            response
        }
    }

    /// The body for a failure of the request.
    pub fn body(&self, error: &ApiError) -> ErrorBody {
        let requested = self.accept_language.as_ref();
        let requested = requested.and_then(|value| Locale::requested(value.to_str().ok()?));
        ErrorBody::new(error, self.tracking_id, requested)
    }

    /// Logs the failure with all its sources, once. They are never sent to the caller.
    pub fn log(&self, error: &ApiError) {
        let status = error.class().status.as_u16();
        let (method, path) = (&self.method, self.uri.path());
        if error.class().status.is_server_error() {
            tracing::error!(status, %method, path, error = error_chain(error), "failed");
        } else {
            tracing::debug!(status, error = error_chain(error), "refused");
        }
    }

    /// Keeps the headers of the response (`Allow`, `Retry-After`) and replaces its body.
    fn wrap(self, response: Response) -> Response {
        let (mut parts, _) = response.into_parts();
        let error = parts
            .extensions
            .remove::<Arc<ApiError>>()
            .unwrap_or_else(|| Arc::new(self.raised_by_library(parts.status, &parts.headers)));
        self.log(&error);
        let body = self.body(&error);
        parts.status = error.class().status;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        if let Some(name) = error.error_type() {
            parts.extensions.insert(ErrorType(name));
        }
        parts.headers.append(header::VARY, ACCEPT_LANGUAGE);
        (parts, Json(body)).into_response()
    }

    fn raised_by_library(&self, status: StatusCode, headers: &HeaderMap) -> ApiError {
        let causes = match status {
            StatusCode::NOT_FOUND => vec![Cause::UnknownPath {
                path: self.uri.path().to_owned(),
            }],
            StatusCode::METHOD_NOT_ALLOWED => vec![Cause::MethodNotAllowed {
                method: self.method.to_string(),
                allowed: headers
                    .get(header::ALLOW)
                    .and_then(|allow| allow.to_str().ok())
                    .unwrap_or_default()
                    .replace(',', ", "),
            }],
            StatusCode::PAYLOAD_TOO_LARGE => vec![Cause::PayloadTooLarge {
                limit: MAX_BODY_BYTES,
            }],
            _ => Vec::new(),
        };
        ApiError::Refused(status, causes)
    }
}
