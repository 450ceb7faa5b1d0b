//! The error responses. Each example is made by the code that makes real ones.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{examples, headers};
use crate::auth::jwt::TokenError;
use crate::auth::rate::{self, TooMany};
use crate::auth::{Denied, IdentityError, Permission};
use crate::http::bounds::{MAX_BODY_BYTES, MAX_URI_BYTES};
use crate::http::error::ApiError;
use crate::http::error_body::ErrorBody;
use crate::http::extract::{JSON, JSON_PATCH};
use crate::http::tracking_id::TrackingId;
use crate::listing::filter::Filter;
use crate::listing::page::MAX_LIMIT;
use crate::listing::sorters::Sorters;
use crate::memory::MemoryError;
use crate::messages::cause::Cause;
use crate::store::StoreError;
use crate::task::json::JsonError;
use crate::task::patch::TaskPatch;
use crate::task::report;
use crate::task::violation::Problem;

type Example = (&'static str, &'static str, ApiError);

/// The error responses of an operation, by status: those that its handler names, and those that follow from its
/// parameters, its content and its permission.
pub fn of(operation: &Value, parameters: &[(String, Value)]) -> BTreeMap<String, Value> {
    let takes = |name: &str| parameters.iter().any(|(_, parameter)| parameter["name"] == name);
    let content = operation
        .get("requestBody")
        .map(|body| body["content"].to_string());
    let is_public = operation["security"] == json!([{}]);

    let mut statuses = vec!["403", "414", "429", "431", "503"];
    if !is_public {
        statuses.extend(["401", "500"]);
    }
    if content.is_some() {
        statuses.extend(["408", "413", "415"]);
    }
    let named = operation["responses"].as_object().into_iter().flatten();
    statuses.extend(
        named
            .map(|(status, _)| status.as_str())
            .filter(|status| is_error(status)),
    );
    let mut responses: BTreeMap<String, Value> = statuses
        .into_iter()
        .map(|status| (status.to_owned(), shared(status)))
        .collect();

    let mut examples = Vec::new();
    if takes("count") {
        examples.extend(page_examples());
    }
    if takes("field") {
        let missing = bad_content(Cause::ParameterRequired { parameter: "field" });
        examples.push(("field", "There is no field", missing));
    }
    if takes("filters") {
        examples.extend(filter_examples());
    }
    if takes("sorters") {
        examples.extend(sorter_example());
    }
    if parameters
        .iter()
        .any(|(_, parameter)| parameter["name"] == "filters" && parameter["required"] == true)
    {
        let missing = bad_content(Cause::ParameterRequired { parameter: "filters" });
        examples.push(("unfiltered", "There is no filter", missing));
    }
    match &content {
        Some(content) => examples.extend(content_examples(content)),
        None if takes("id") => {
            let segment = "%zz".to_owned();
            let error = ApiError::BadSyntax(vec![Cause::PathEncoding { segment }]);
            examples.push(("encoding", "The path cannot be decoded", error));
        }
        None => {}
    }
    if !examples.is_empty() {
        let description = "The request asks for something that is not allowed (`400.1`), or cannot be parsed (`400.0`). \
                           `causes` has an entry for each fault.";
        responses.insert("400".to_owned(), response(description, &["Vary"], examples));
    }
    responses
}

/// Whether a status is that of an error.
pub fn is_error(status: &str) -> bool {
    status >= "400"
}

/// The response with a status, the same for every operation.
fn shared(status: &str) -> Value {
    let refused = |status, cause| ApiError::Refused(status, vec![cause]);
    let bare = |status| ApiError::Refused(status, Vec::new());
    let one = |summary, error| vec![("example", summary, error)];
    let (description, examples) = match status {
        "401" => (
            "The caller is not authenticated: there is no bearer token, or it is not accepted. `error` says why in short.",
            unauthorized_examples(),
        ),
        "403" => (
            "The caller is not permitted: the token lacks the scope, or its holder the user level. Or the service does not \
             respond to the host that the request names (`--allowed-hosts`).",
            forbidden_examples(),
        ),
        "404" => (
            "There is no such task.",
            one("No task has this id", ApiError::unknown_task(examples::ID)),
        ),
        "408" => (
            "The content did not arrive in time.",
            one(
                "The content took longer than 8 seconds",
                bare(StatusCode::REQUEST_TIMEOUT),
            ),
        ),
        "412" => (
            "The task is in none of the states that `If-Match` names, or in one that `If-None-Match` rules out.",
            precondition_examples(),
        ),
        "413" => {
            let cause = Cause::PayloadTooLarge {
                limit: MAX_BODY_BYTES,
            };
            let error = refused(StatusCode::PAYLOAD_TOO_LARGE, cause);
            ("The content is too large.", one("More than 1 MiB", error))
        }
        "414" => {
            let error = refused(
                StatusCode::URI_TOO_LONG,
                Cause::UriTooLong { limit: MAX_URI_BYTES },
            );
            (
                "The target of the request is too long.",
                one("More than 16 KiB", error),
            )
        }
        "415" => {
            let given = "text/plain".to_owned();
            let allowed = [JSON_PATCH, JSON].join(", ");
            let cause = Cause::UnsupportedMediaType { given, allowed };
            let error = refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, cause);
            (
                "The type of the content is not accepted or missing, or the content is encoded.",
                one("Not JSON", error),
            )
        }
        "429" => {
            let (rate, retry_after) = (rate::DOCUMENTED, Duration::ZERO);
            let error = TooMany { rate, retry_after }.into();
            (
                "The client exceeds the rate limit (`--rate-limit`).",
                one("Too many requests", error),
            )
        }
        "431" => (
            "The request has more than 100 header fields, or they are too large.",
            one(
                "Too many header fields",
                bare(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            ),
        ),
        "503" => (
            "The database cannot be reached or did not respond in time, too many requests are in flight, or the keys of \
             tokens are not available. Worth trying again.",
            unavailable_examples(),
        ),
        _ => (
            "The service has a fault. Its log has the details, by the tracking id.",
            one("A fault of the service", ApiError::Panic(String::new())),
        ),
    };
    let extra_headers: &[&str] = match status {
        "401" | "403" => &["WWW-Authenticate", "Vary"],
        "429" | "503" => &["Retry-After", "Vary"],
        _ => &["Vary"],
    };
    response(description, extra_headers, examples)
}

fn unauthorized_examples() -> Vec<Example> {
    let expired = IdentityError::Token(TokenError::Expired);
    vec![
        ("missing", "There is no token", IdentityError::NoToken.into()),
        ("expired", "The token has expired", expired.into()),
    ]
}

fn forbidden_examples() -> Vec<Example> {
    let given = "evil.example".to_owned();
    let cause = Cause::HostNotAllowed { given };
    vec![
        (
            "scope",
            "The token is for reading only",
            ApiError::Forbidden(Denied::Scope(Permission::Write)),
        ),
        (
            "host",
            "The host is not one of the service",
            ApiError::Refused(StatusCode::FORBIDDEN, vec![cause]),
        ),
    ]
}

fn precondition_examples() -> Vec<Example> {
    let failed = |cause| ApiError::Refused(StatusCode::PRECONDITION_FAILED, vec![cause]);
    let current = examples::etag();
    let given = format!("W/{current}");
    let header = "If-Match";
    vec![
        (
            "changed",
            "The task has changed meanwhile",
            failed(Cause::EtagDiffers {
                current: current.clone(),
            }),
        ),
        ("exists", "The task exists", failed(Cause::TaskExists { current })),
        (
            "weak",
            "A proxy has made the tag weak",
            failed(Cause::EtagWeak { given }),
        ),
        (
            "list",
            "Not a single task",
            failed(Cause::PreconditionOfList { header }),
        ),
    ]
}

fn unavailable_examples() -> Vec<Example> {
    let unavailable = |cause| ApiError::Refused(StatusCode::SERVICE_UNAVAILABLE, vec![cause]);
    let deadline = ApiError::DeadlineExceeded { seconds: 10 };
    vec![
        (
            "database",
            "There is no database",
            unavailable(Cause::DatabaseUnavailable),
        ),
        (
            "unconfirmed",
            "The page could not be confirmed as current",
            unavailable(Cause::NotConfirmed),
        ),
        (
            "statement-timeout",
            "The database took too long",
            ApiError::StatementTimeout(StoreError::KnownDown),
        ),
        (
            "memory",
            "The memory for responses is in use",
            MemoryError::Exhausted.into(),
        ),
        ("deadline", "The response took too long", deadline),
        (
            "overloaded",
            "Too many requests are in flight",
            ApiError::Overloaded,
        ),
    ]
}

fn page_examples() -> [Example; 2] {
    let limit = Cause::NotAnInteger {
        parameter: "limit",
        given: "1000".to_owned(),
        min: 0,
        max: MAX_LIMIT,
    };
    let count = Cause::NotABoolean {
        parameter: "count",
        given: "yes".to_owned(),
    };
    let encoding = ApiError::BadSyntax(vec![Cause::PercentEncoding { position: 9 }]);
    [
        (
            "content",
            "Values that are not allowed, all named at once",
            ApiError::BadContent(vec![limit, count]),
        ),
        ("encoding", "The query cannot be decoded", encoding),
    ]
}

fn filter_examples() -> impl Iterator<Item = Example> {
    [
        ("field", "The filter names an unknown field", "name eq \"x\""),
        ("grammar", "The filter cannot be parsed", "id eq \"x\" and"),
    ]
    .into_iter()
    .filter_map(|(name, summary, filter)| {
        let cause = Cause::Filter(Filter::parse(filter).err()?);
        Some((name, summary, ApiError::from_query(vec![cause])))
    })
}

fn sorter_example() -> Option<Example> {
    let error = bad_content(Cause::Sorters(Sorters::parse("name").err()?));
    Some(("sorter", "There is no such sorter", error))
}

/// Faults of content, by its schema.
fn content_examples(content: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    if content.contains("/TaskReport") {
        let task = json!({ "id": "a", "type": "CRON", "uniqueName": "n" });
        let violations = report::read(&task, None).err().unwrap_or_default();
        examples.push(("content", "The report is not a valid task", violations.into()));
    }
    if content.contains("/JsonPatch") {
        let remove = json!([{ "op": "remove", "path": "/id" }]);
        let violations = TaskPatch::read(remove).err().unwrap_or_default();
        let test = vec![Problem::TestFailed.at("/percentComplete")];
        examples.push((
            "immutable",
            "The patch changes an immutable field",
            violations.into(),
        ));
        examples.push(("test", "A test of the patch failed", test.into()));
    }
    let syntax = JsonError::Syntax { line: 1, column: 2 };
    examples.push(("syntax", "The content is not JSON", syntax.into()));
    examples
}

/// Bodies for paths and methods that no operation has: examples of errors in general.
pub fn elsewhere() -> Value {
    let path = Cause::UnknownPath {
        path: "/task-statuses".to_owned(),
    };
    let method = Cause::MethodNotAllowed {
        method: "DELETE".to_owned(),
        allowed: "GET, HEAD, PATCH, PUT".to_owned(),
    };
    json!([
        body(&ApiError::Refused(StatusCode::NOT_FOUND, vec![path])),
        body(&ApiError::Refused(StatusCode::METHOD_NOT_ALLOWED, vec![method])),
    ])
}

fn bad_content(cause: Cause) -> ApiError {
    ApiError::BadContent(vec![cause])
}

fn response(description: &str, extra_headers: &[&str], examples: Vec<Example>) -> Value {
    let examples = examples.into_iter().map(|(name, summary, error)| {
        (
            name.to_owned(),
            json!({ "summary": summary, "value": body(&error) }),
        )
    });
    let headers = extra_headers
        .iter()
        .chain(&headers::EVERYWHERE)
        .map(|name| headers::reference(name));
    json!({
        "description": description,
        "headers": headers.collect::<Value>(),
        "content": {
            JSON: {
                "schema": { "$ref": "#/components/schemas/ErrorResponseDto" },
                "examples": examples.collect::<Value>(),
            },
        },
    })
}

/// The body of an error, with the tracking id that all examples share.
fn body(error: &ApiError) -> Value {
    let mut body =
        serde_json::to_value(ErrorBody::new(error, TrackingId::random(), None)).unwrap_or_default();
    body["trackingId"] = examples::TRACKING_ID.into();
    body
}
