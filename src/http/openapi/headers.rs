//! Every response header, described once.

use serde_json::{Value, json};

use super::{examples, members};
use crate::listing::sorters::Sorters;
use crate::pending::content_encoding::ContentEncoding;

/// The descriptions by component name. `required` are those that such a response always has.
pub fn all() -> Value {
    let encodings: Vec<&str> = ContentEncoding::COMPRESSED
        .into_iter()
        .filter_map(ContentEncoding::token)
        .collect();
    json!({
        "SLPT-Request-ID": {
            "required": true,
            "description": "The tracking id of the request: that of its own `SLPT-Request-ID` or `X-Request-ID` if it has the \
                            form, else a new one. It is also in `trackingId` of an error and in every log line of the request.",
            "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$", "examples": [examples::TRACKING_ID] },
        },
        "X-Total-Count": {
            "description": "How many tasks there are without `offset` and `limit`, exact in the snapshot of the page. Only \
                            with `count=true`.",
            "schema": { "type": "integer", "minimum": 0, "examples": [604] },
        },
        "Link": {
            "description": "The next page (RFC 8288), relative to the URL of this one. Only if there is more. It has 3 KiB at most: in a \
                            longer one `…` stands for `filters` or `after`. Put your `filters` back; without `after`, page by `offset`.",
            "schema": {
                "type": "string",
                "examples": [format!("<?limit=1&after={}>; rel=\"next\"", examples::cursor(&Sorters::default()))],
            },
        },
        "ETag": {
            "required": true,
            "description": "Changes whenever the task does. For `If-Match` and `If-None-Match`.",
            "schema": { "type": "string", "pattern": "^\"[0-9a-f]{32}\"$", "examples": [examples::etag()] },
        },
        "CodedETag": {
            "required": true,
            "description": "Equal tags mean equal bytes. For `If-None-Match`, and of a task for `If-Match`.",
            "schema": {
                "type": "string",
                "pattern": format!("^\"[0-9a-f]{{32}}(-({}))?\"$", encodings.join("|")),
                "examples": [examples::etag()],
            },
        },
        "SummaryETag": {
            "required": true,
            "description": "Changes whenever a number does. A weak tag: `asOf` may differ. For `If-None-Match`.",
            "schema": { "type": "string", "pattern": "^W/\"[0-9a-f]{32}\"$", "examples": [format!("W/{}", examples::etag())] },
        },
        "Location": {
            "required": true,
            "description": "The URL of the task, relative to that of the request.",
            "schema": { "type": "string", "examples": [format!("task-status/{}", examples::ID)] },
        },
        "Retry-After": {
            "required": true,
            "description": "How many seconds to wait before trying again.",
            "schema": { "type": "integer", "minimum": 0, "examples": [1] },
        },
        "WWW-Authenticate": {
            "description": "Which credentials are needed, and what is wrong with those that were sent (RFC 6750). Missing if \
                            no credentials would help.",
            "schema": {
                "type": "string",
                "examples": [
                    r#"Bearer realm="task-status", error="insufficient_scope", scope="idn:task-management:write""#,
                ],
            },
        },
        "Cache-Control": {
            "required": true,
            "description": "`private, no-cache` if there is an `ETag`: a client may keep the response, and has to ask each time \
                            whether it is current, see `If-None-Match`. Else `no-store`.",
            "schema": { "type": "string", "enum": ["no-store", "private, no-cache"] },
        },
        "Vary": {
            "description": "The headers of the request that the response depends on: content on `Accept-Encoding`, texts of \
                            errors on `Accept-Language`.",
            "schema": { "type": "string", "examples": ["accept-encoding", "accept-language"] },
        },
        "Content-Encoding": {
            "description": "How the content is compressed, if it is.",
            "schema": { "type": "string", "examples": encodings },
        },
        "Preference-Applied": {
            "description": "The request was held, for as many seconds at most: see `Prefer`.",
            "schema": { "type": "string", "pattern": "^wait=[0-9]+$", "examples": ["wait=30"] },
        },
    })
}

/// The headers of every response.
pub const EVERYWHERE: [&str; 2] = ["SLPT-Request-ID", "Cache-Control"];

/// Refers to the description of each header that is stated by name alone, and of those of every response.
pub fn complete(response: &mut Value) {
    let mut stated = response["headers"].take();
    let own = members(&mut stated).map(|(name, header)| match header.get("description") {
        Some(_) => (name.clone(), header.take()),
        None => reference(name),
    });
    response["headers"] = own.chain(EVERYWHERE.map(reference)).collect();
}

/// A header and the reference to its description.
pub fn reference(component: &str) -> (String, Value) {
    let name = if component.ends_with("ETag") {
        "ETag"
    } else {
        component
    };
    let reference = json!({ "$ref": format!("#/components/headers/{component}") });
    (name.to_owned(), reference)
}
