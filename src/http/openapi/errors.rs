//! The error answers. Each example is what the code answers to such a request, word for word.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use chrono::Utc;
use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use super::examples;
use super::headers::{RETRY_AFTER, WWW_AUTHENTICATE, answer};
use crate::auth::jwt::TokenError;
use crate::auth::rate::{self, TooMany};
use crate::auth::{Denied, IdentityError, Permission};
use crate::http::error::ApiError;
use crate::http::error_body::ErrorBody;
use crate::http::extract::{JSON, JSON_PATCH};
use crate::http::middleware::limits::{BODY_BYTES, URI_BYTES};
use crate::http::middleware::request_id::TrackingId;
use crate::listing::filter::Filter;
use crate::listing::sorters::Sorters;
use crate::messages::cause::Cause;
use crate::task::json::JsonError;
use crate::task::patch::TaskPatch;
use crate::task::report;
use crate::task::violation::Problem;

type Responses = BTreeMap<String, RefOr<Response>>;
type Examples = Vec<(&'static str, &'static str, ApiError)>;

/// What every operation may answer.
pub struct Everywhere;
/// What every operation may answer that not everybody may call.
pub struct Authenticator;
/// What every operation on the database may answer.
pub struct Database;
/// Where a page is asked for that is not allowed.
pub struct BadPage;
/// Where a page, a filter or an order is asked for that is not allowed.
pub struct BadList;
/// Where the path names no task.
pub struct BadId;
/// Where content is read: too slow, too large, or of another type.
pub struct BadContent;
/// Where what is reported is no task.
pub struct BadReport;
/// Where a patch does what it may not, or cannot.
pub struct BadPatch;
/// Where a bulk clear has no filter, or does more than complete.
pub struct BadClear;
/// Where there is no such task.
pub struct NoTask;
/// Where the task is not the one any more that the request is meant for.
pub struct Stale;

impl IntoResponses for Everywhere {
    fn responses() -> Responses {
        shared(&["414", "431"])
    }
}

impl IntoResponses for Authenticator {
    fn responses() -> Responses {
        shared(&["401", "403", "429"])
    }
}

impl IntoResponses for Database {
    fn responses() -> Responses {
        shared(&["500", "503"])
    }
}

impl IntoResponses for BadPage {
    fn responses() -> Responses {
        bad_request(page_examples())
    }
}

impl IntoResponses for BadList {
    fn responses() -> Responses {
        let mut examples = page_examples();
        examples.extend(filter_examples());
        if let Err(error) = Sorters::parse("name") {
            let error = ApiError::BadContent(vec![Cause::Sorters(error)]);
            examples.push(("sorter", "There is no such sorter", error));
        }
        bad_request(examples)
    }
}

impl IntoResponses for BadId {
    fn responses() -> Responses {
        bad_request(vec![path_example()])
    }
}

impl IntoResponses for BadContent {
    fn responses() -> Responses {
        shared(&["408", "413", "415"])
    }
}

impl IntoResponses for BadReport {
    fn responses() -> Responses {
        let task = json!({ "id": "a", "type": "CRON", "uniqueName": "n" });
        let fields = report::read(&task, None, Utc::now()).err().unwrap_or_default();
        bad_request(vec![
            ("content", "What is reported is no task", fields.into()),
            json_example(),
        ])
    }
}

impl IntoResponses for BadPatch {
    fn responses() -> Responses {
        let remove = json!([{ "op": "remove", "path": "/id" }]);
        let immutable = TaskPatch::read(remove).err().unwrap_or_default();
        let test = vec![Problem::TestFailed.at("/percentComplete")];
        bad_request(vec![
            (
                "immutable",
                "The patch changes what cannot be changed",
                immutable.into(),
            ),
            ("test", "A test of the patch failed", test.into()),
            json_example(),
        ])
    }
}

impl IntoResponses for BadClear {
    fn responses() -> Responses {
        let missing = Cause::ParameterRequired { parameter: "filters" };
        let mut examples = vec![(
            "unfiltered",
            "There is no filter",
            ApiError::BadContent(vec![missing]),
        )];
        examples.extend(filter_examples());
        bad_request(examples)
    }
}

impl IntoResponses for NoTask {
    fn responses() -> Responses {
        shared(&["404"])
    }
}

impl IntoResponses for Stale {
    fn responses() -> Responses {
        shared(&["412"])
    }
}

/// The answers that are the same wherever they occur, by the names they have among the components.
pub fn components() -> [(&'static str, Response); 12] {
    let refused = |status, cause| ApiError::Refused(status, vec![cause]);
    let stale = Cause::EtagDiffers {
        current: examples::etag(),
    };
    let large = Cause::PayloadTooLarge { limit: BODY_BYTES };
    let long = Cause::UriTooLong { limit: URI_BYTES };
    let other = Cause::UnsupportedMediaType {
        given: "text/plain".to_owned(),
        allowed: [JSON_PATCH, JSON].join(", "),
    };
    let shared = |description, summary, failure| error(description, vec![("example", summary, failure)]);
    [
        ("401", unauthorized()),
        ("403", forbidden()),
        (
            "404",
            shared(
                "There is no such task.",
                "No task has this id",
                ApiError::unknown_task(examples::ID),
            ),
        ),
        (
            "408",
            shared(
                "The content did not arrive in time.",
                "The content took longer than 8 seconds",
                ApiError::Refused(StatusCode::REQUEST_TIMEOUT, Vec::new()),
            ),
        ),
        (
            "412",
            shared(
                "The task is in none of the states that `If-Match` names.",
                "The task has changed meanwhile",
                refused(StatusCode::PRECONDITION_FAILED, stale),
            ),
        ),
        (
            "413",
            shared(
                "The content is too large.",
                "More than 1 MiB",
                refused(StatusCode::PAYLOAD_TOO_LARGE, large),
            ),
        ),
        (
            "414",
            shared(
                "The target of the request is too long.",
                "More than 16 KiB",
                refused(StatusCode::URI_TOO_LONG, long),
            ),
        ),
        (
            "415",
            shared(
                "The content is of a type that is not accepted, or of none.",
                "Not JSON",
                refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, other),
            ),
        ),
        ("429", too_many_requests()),
        (
            "431",
            shared(
                "The request has more than 100 header fields, or they are too large.",
                "Too many header fields",
                ApiError::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Vec::new()),
            ),
        ),
        (
            "500",
            shared(
                "The service has a fault. What it is stands in its log, by the tracking id.",
                "A fault of the service",
                ApiError::Panic(String::new()),
            ),
        ),
        ("503", unavailable()),
    ]
}

fn unauthorized() -> Response {
    let expired = IdentityError::Token(TokenError::Expired);
    with_examples(
        answer(
            "It is not known who calls: there is no bearer token, or it is not accepted. `error` says why in short.",
            &[WWW_AUTHENTICATE],
        ),
        vec![
            (
                "missing",
                "There is no token",
                ApiError::Unauthorized(IdentityError::NoToken),
            ),
            (
                "expired",
                "The token has expired",
                ApiError::Unauthorized(expired),
            ),
        ],
    )
}

fn forbidden() -> Response {
    with_examples(
        answer(
            "The caller may not do this: the token has not the scope, or its holder not the user level.",
            &[WWW_AUTHENTICATE],
        ),
        vec![(
            "example",
            "The token is for reading only",
            ApiError::Forbidden(Denied::Scope(Permission::Write)),
        )],
    )
}

fn too_many_requests() -> Response {
    let too_many = TooMany {
        rate: rate::DOCUMENTED,
        retry_after: Duration::ZERO,
    };
    with_examples(
        answer(
            "The client calls more often than it may (`--rate-limit`).",
            &[RETRY_AFTER],
        ),
        vec![(
            "example",
            "Too many requests",
            ApiError::TooManyRequests(too_many),
        )],
    )
}

fn unavailable() -> Response {
    let description = "The database cannot be reached or did not answer in time, too many requests are under way, or the \
                       keys of tokens are not available. Worth trying again.";
    let database = ApiError::Refused(StatusCode::SERVICE_UNAVAILABLE, vec![Cause::DatabaseUnavailable]);
    let not_confirmed = ApiError::Refused(StatusCode::SERVICE_UNAVAILABLE, vec![Cause::NotConfirmed]);
    let deadline = ApiError::DeadlineExceeded { seconds: 10 };
    with_examples(
        answer(description, &[RETRY_AFTER]),
        vec![
            ("database", "There is no database", database),
            (
                "unconfirmed",
                "It is not known whether the answer is current",
                not_confirmed,
            ),
            ("deadline", "The answer took too long", deadline),
            (
                "overloaded",
                "Too many requests are under way",
                ApiError::Overloaded,
            ),
        ],
    )
}

/// What a client is told where no operation is: examples for the description as a whole.
pub fn elsewhere() -> Vec<Value> {
    let path = Cause::UnknownPath {
        path: "/task-statuses".to_owned(),
    };
    let method = Cause::MethodNotAllowed {
        method: "DELETE".to_owned(),
        allowed: "GET, HEAD, PATCH, PUT".to_owned(),
    };
    vec![
        body(&ApiError::Refused(StatusCode::NOT_FOUND, vec![path])),
        body(&ApiError::Refused(StatusCode::METHOD_NOT_ALLOWED, vec![method])),
    ]
}

fn page_examples() -> Examples {
    let limit = Cause::NotAnInteger {
        parameter: "limit",
        given: "1000".to_owned(),
        min: 0,
        max: crate::listing::page::MAX_LIMIT,
    };
    let count = Cause::NotABoolean {
        parameter: "count",
        given: "yes".to_owned(),
    };
    vec![
        (
            "content",
            "Values that are not allowed, all named at once",
            ApiError::BadContent(vec![limit, count]),
        ),
        (
            "encoding",
            "The query cannot be decoded",
            ApiError::BadSyntax(vec![Cause::PercentEncoding { position: 9 }]),
        ),
    ]
}

fn filter_examples() -> Examples {
    [
        ("field", "The filter names what is not there", "name eq \"x\""),
        ("grammar", "The filter cannot be read", "id eq \"x\" and"),
    ]
    .into_iter()
    .filter_map(|(name, summary, filter)| {
        let cause = Cause::Filter(Filter::parse(filter).err()?);
        Some((name, summary, ApiError::of_query(vec![cause])))
    })
    .collect()
}

fn path_example() -> (&'static str, &'static str, ApiError) {
    let cause = Cause::PathEncoding {
        segment: "%zz".to_owned(),
    };
    (
        "encoding",
        "The path cannot be decoded",
        ApiError::BadSyntax(vec![cause]),
    )
}

fn json_example() -> (&'static str, &'static str, ApiError) {
    let error = JsonError::Syntax { line: 1, column: 2 };
    ("syntax", "The content is not JSON", error.into())
}

fn bad_request(examples: Examples) -> Responses {
    let description = "The request asks for what is not allowed (`400.1`), or cannot be parsed (`400.0`). `causes` has \
                       an entry for each fault.";
    BTreeMap::from([("400".to_owned(), error(description, examples).into())])
}

fn error(description: &str, examples: Examples) -> Response {
    with_examples(answer(description, &[]), examples)
}

fn with_examples(response: utoipa::openapi::ResponseBuilder, examples: Examples) -> Response {
    let examples = examples.into_iter().map(|(name, summary, error)| {
        let example = ExampleBuilder::new().summary(summary).value(Some(body(&error)));
        (name, example)
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ErrorBody::name())))
        .examples_from_iter(examples)
        .build();
    response.content(JSON, content).build()
}

fn shared(statuses: &[&str]) -> Responses {
    statuses
        .iter()
        .map(|status| {
            let reference = Ref::new(format!("#/components/responses/{status}"));
            ((*status).to_owned(), RefOr::Ref(reference))
        })
        .collect()
}

/// The body for a failure, with the tracking id that all examples share.
fn body(error: &ApiError) -> Value {
    let mut body =
        serde_json::to_value(ErrorBody::new(error, TrackingId::random(), None)).unwrap_or_default();
    body["trackingId"] = json!("e7eab60924f64aa284175b9fa3309599");
    body
}
