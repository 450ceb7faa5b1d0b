//! Every header of an answer, described once.

use serde_json::json;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, ResponseBuilder};

use super::examples;
use super::schemas::keyword;
use crate::listing::sorters::Sorters;
use crate::pending::content_encoding::ContentEncoding;

pub const TRACKING_ID: &str = "SLPT-Request-ID";
pub const TOTAL_COUNT: &str = "X-Total-Count";
pub const LINK: &str = "Link";
pub const ETAG: &str = "ETag";
pub const LOCATION: &str = "Location";
pub const RETRY_AFTER: &str = "Retry-After";
pub const WWW_AUTHENTICATE: &str = "WWW-Authenticate";
pub const CACHE_CONTROL: &str = "Cache-Control";
pub const VARY: &str = "Vary";
pub const CONTENT_ENCODING: &str = "Content-Encoding";
pub const PREFERENCE_APPLIED: &str = "Preference-Applied";

/// The descriptions, by name.
pub fn all() -> [(&'static str, Header); 11] {
    [
        (
            TRACKING_ID,
            always(
                text()
                    .pattern(Some("^[0-9a-f]{32}$"))
                    .examples(["e7eab60924f64aa284175b9fa3309599"]),
                "The tracking id of the request: that of its own `SLPT-Request-ID` or `X-Request-ID` if it has the form, \
                 else a new one. It stands in `trackingId` of an error and in every log line of the request.",
            ),
        ),
        (
            TOTAL_COUNT,
            sometimes(
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .minimum(Some(0))
                    .examples([604]),
                "How many tasks there are without `offset` and `limit`, exact in the snapshot of the page. Only with \
                 `count=true`.",
            ),
        ),
        (
            LINK,
            sometimes(
                text().examples([format!(
                    "<?limit=1&after={}>; rel=\"next\"",
                    examples::cursor(&Sorters::default())
                )]),
                "The next page (RFC 8288), relative to the URL of this one. Only if there is more.",
            ),
        ),
        (
            ETAG,
            always(
                text()
                    .pattern(Some("^\"[0-9a-f]{32}\"$"))
                    .examples([examples::etag()]),
                "Changes whenever the task does. For `If-Match` and `If-None-Match`.",
            ),
        ),
        (
            LOCATION,
            always(
                text().examples([format!("task-status/{}", examples::ID)]),
                "Where the task is, relative to the URL of the request.",
            ),
        ),
        (
            RETRY_AFTER,
            always(
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .minimum(Some(0))
                    .examples([1]),
                "How many seconds to wait before trying again.",
            ),
        ),
        (
            WWW_AUTHENTICATE,
            always(
                text().examples([
                    r#"Bearer realm="task-status", error="insufficient_scope", scope="idn:task-management:write""#,
                ]),
                "Which credentials are wanted, and what is wrong with those that were sent (RFC 6750).",
            ),
        ),
        (
            CACHE_CONTROL,
            sometimes(
                text().examples(["private, no-cache"]),
                "Pages of pending tasks may be kept by the client alone, who asks each time whether they are current: see \
                 `If-None-Match`.",
            ),
        ),
        (
            VARY,
            sometimes(
                text().examples(["accept-encoding"]),
                "Pages of pending tasks depend on `Accept-Encoding`.",
            ),
        ),
        (
            CONTENT_ENCODING,
            sometimes(
                text().examples(ContentEncoding::COMPRESSED.into_iter().filter_map(ContentEncoding::token)),
                "How the content is compressed, if it is.",
            ),
        ),
        (
            PREFERENCE_APPLIED,
            sometimes(
                text().pattern(Some("^wait=[0-9]+$")).examples(["wait=30"]),
                "The request was held, for as many seconds at most: see `Prefer`.",
            ),
        ),
    ]
}

/// The tag of a page of pending tasks; other lists have none.
pub fn page_etag() -> Header {
    let codings: Vec<&str> = ContentEncoding::COMPRESSED
        .into_iter()
        .filter_map(ContentEncoding::token)
        .collect();
    sometimes(
        text()
            .pattern(Some(format!("^\"[0-9a-f]{{32}}(-({}))?\"$", codings.join("|"))))
            .examples([examples::etag()]),
        "Of pages of pending tasks: equal tags mean equal bytes. For `If-None-Match`.",
    )
}

/// A header that such an answer always has.
fn always(schema: ObjectBuilder, description: &str) -> Header {
    let mut header = sometimes(schema, description);
    header.extensions = keyword("required", json!(true));
    header
}

/// A header that depends on the request.
pub fn sometimes(schema: ObjectBuilder, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(schema))
        .description(Some(description))
        .build()
}

pub fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// An answer with these headers, and the tracking id that every answer has.
pub fn answer(description: &str, headers: &[&str]) -> ResponseBuilder {
    headers.iter().fold(
        ResponseBuilder::new()
            .description(description)
            .header_ref(TRACKING_ID, reference(TRACKING_ID)),
        |response, name| response.header_ref(*name, reference(name)),
    )
}

fn reference(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}
