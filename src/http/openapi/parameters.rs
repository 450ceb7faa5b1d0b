//! Every request parameter, described once. Bounds and defaults come from the code that reads them.

use serde_json::{Value, json};

use super::{examples, schemas};
use crate::http::bounds::MAX_URI_BYTES;
use crate::http::routes::suggestions;
use crate::http::routes::summary::{MAX_STUCK_AFTER, STUCK_AFTER};
use crate::listing::filter::{self, Field, Operator, field};
use crate::listing::page::MAX_LIMIT;
use crate::listing::sorters::{Sorter, Sorters};

/// The parameters of an operation with the names of their components: those that its handler states, and those of every
/// operation.
pub fn of(id: &str, stated: &Value) -> Vec<(String, Value)> {
    let everywhere =
        ["Accept-Language", "SLPT-Request-ID"].map(|name| json!({ "name": name, "in": "header" }));
    let stated = stated.as_array().into_iter().flatten().cloned();
    stated
        .chain(everywhere)
        .map(|stated| completed(id, stated))
        .collect()
}

/// A parameter with its description, and the name of its component. A handler's own description comes first, its example
/// instead.
fn completed(id: &str, mut stated: Value) -> (String, Value) {
    let name = stated["name"].as_str().unwrap_or_default().to_owned();
    let component = match (id, name.as_str()) {
        ("getTaskStatusSuggestions" | "getTaskStatusSuggestionsV1", "limit") => "valuesLimit".to_owned(),
        _ => name.clone(),
    };
    let Some((description, mut schema)) = described(&component) else {
        return (format!("{id}.{name}"), stated);
    };
    let own = stated.get("description").or(stated.get("example")).is_some();
    stated["description"] = match stated["description"].as_str() {
        Some(own) => format!("{own}\n\n{description}").into(),
        None => description.into(),
    };
    if let Some(example) = stated.as_object_mut().and_then(|stated| stated.remove("example")) {
        schema["examples"] = json!([example]);
    }
    if let Some(least) = stated["schema"].get("minLength") {
        schema["minLength"] = least.clone();
    }
    // Without a type, utoipa does not say either.
    let required = stated["in"] == "path" || stated["required"] == true && stated.get("schema").is_some();
    let parameter = json!({
        "name": name,
        "in": stated["in"],
        "description": stated["description"],
        "required": required,
        "schema": schema,
    });
    (if own { format!("{id}.{name}") } else { component }, parameter)
}

/// The description and the schema of a parameter that several operations have.
fn described(name: &str) -> Option<(String, Value)> {
    let integer = |max: i32, default: i32, example: i32| {
        json!({
            "type": "integer", "format": "int32", "minimum": 0, "maximum": max,
            "default": default, "examples": [example],
        })
    };
    let flag = json!({ "type": "boolean", "default": false, "examples": [true] });
    let text = |example: &str| json!({ "type": "string", "examples": [example] });
    let formatted =
        |format: &str, example: &str| json!({ "type": "string", "format": format, "examples": [example] });
    let (description, schema) = match name {
        "id" => ("The task's id, percent-encoded.", json!(schemas::id())),
        "offset" => (
            "How many tasks of the full result precede the page. A page past the end is empty.",
            integer(i32::MAX, 0, 0),
        ),
        "limit" => (
            "How many tasks the page may hold. More than the maximum is refused, not clamped; 0 is an empty page that can \
             still count. As CSV or newline-delimited JSON a list may have up to a million, and has all its tasks without a \
             limit.",
            integer(MAX_LIMIT, MAX_LIMIT, 10),
        ),
        "count" => (
            "`true`: `X-Total-Count` is how many tasks there are without `offset` and `limit`.",
            flag,
        ),
        "field" => {
            let names: Vec<&str> = Field::with_names().map(Field::name).collect();
            (
                "The field of filters whose values are wanted.",
                json!({ "type": "string", "enum": names, "examples": ["launcher"] }),
            )
        }
        "prefix" => (
            "What the values begin with, without regard to case; all values unless given.",
            text("sw"),
        ),
        "valuesLimit" => (
            "How many values to return at most.",
            json!({
                "type": "integer", "format": "int32", "minimum": 1, "maximum": suggestions::MAX_LIMIT,
                "default": suggestions::LIMIT, "examples": [suggestions::LIMIT],
            }),
        ),
        "stuckAfter" => (
            "A pending task counts as stuck if it was last `modified` more than so many seconds ago.",
            json!({
                "type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_STUCK_AFTER,
                "default": STUCK_AFTER, "examples": [STUCK_AFTER],
            }),
        ),
        "dryRun" => ("`true`: only count the tasks that would be completed.", flag),
        "after" => (
            "Where the page begins: the cursor of a `Link` header, of the same list with the same order. Unlike an `offset`, \
             with which it cannot be given, it neither skips nor repeats a task while others come and go.",
            formatted("cursor", ""),
        ),
        "sorters" => return Some(sorters()),
        "filters" => return Some(filters()),
        "If-Match" => (
            "The ETags of the states to change, separated by commas, or `*` for any: if none is current, or there is no task, \
             the response is 412 and nothing changes. A weak one is never current.",
            formatted("etags", &examples::etag()),
        ),
        "If-None-Match" => (
            "The ETags that the client has, separated by commas: if one is current the response is 304, without content. The \
             coding that the service or a proxy has added to one (`-gzip`) and weakness make no difference. Of a write: if one is \
             current, or with `*` if there is a task, the response is 412 and nothing changes.",
            formatted("etags", &examples::etag()),
        ),
        "Prefer" => (
            "`wait=N` (RFC 7240), with `If-None-Match`: a response that would be 304 is held until the task, page or summary \
             changes, or the total count with `count=true`, for N seconds at most, and no longer than the service allows. \
             `Preference-Applied` confirms it.",
            text("wait=0"),
        ),
        "Accept-Encoding" => (
            "How the content may be compressed (RFC 9110): `zstd`, `br` or `gzip`, as the weights say. Short content is not \
             compressed.",
            text("gzip"),
        ),
        "Accept-Language" => (
            "The languages of error texts, best first (RFC 9110). English is always there; the best match among de, es, \
             fr, it, ja, ko, nl, pt-BR and zh-CN is added.",
            text("fr-CH, fr;q=0.9, en;q=0.8"),
        ),
        "SLPT-Request-ID" => (
            "A tracking id to keep: 32 lower-case hexadecimal digits. Any other value is replaced. `X-Request-ID` is read \
             in the same way if this is missing.",
            text(examples::TRACKING_ID),
        ),
        _ => return None,
    };
    Some((description.to_owned(), schema))
}

fn sorters() -> (String, Value) {
    let names = Sorter::ALL
        .map(|sorter| format!("`{}`", sorter.name()))
        .join(", ");
    let description = format!(
        "What to order by, most important first, separated by commas: {names}, each once. A `-` before a name means \
         descending. A time that is not set comes after all that are. Ties are broken by `id`."
    );
    let default = Sorters::default().to_string();
    let schema =
        json!({ "type": "string", "format": "sorters", "default": default, "examples": ["-created"] });
    (description, schema)
}

fn filters() -> (String, Value) {
    let operators = Operator::ALL
        .map(|operator| format!("| `{operator}` | {} |\n", operator.meaning()))
        .concat();
    let description = format!(
        "A comparison is `field operator value`, such as `launcher eq \"sweep\"`; `in` and `ca` take a list, \
         `type in (\"QUARTZ\", \"QPOC\")`; `pr` stands before the field, `isnull` after it. `not`, `and` and `or` combine \
         them, in this order of precedence; parentheses change it. Names and operators are written as they are here; \
         strings are compared without regard to case, and a comparison with a field that is not set is false.\n\n\
         Strings stand in double quotes, with the escapes of JSON: `\\\"`, `\\\\`, `\\n`, `\\u00e9`. Times (RFC 3339, a \
         date, or a year) may stand in them, numbers may not.\n\n\
         {}\n\
         | Operator | Meaning |\n|---|---|\n{operators}\n\
         `sourceId` is `target.id` if `target.type` is `APPLICATION`. `type` also matches the kind of a task: the name of \
         its definition, or else its own, in upper snake case.\n\n\
         At most {} characters, {} comparisons, {} values in a list, {} characters in a string, and {} levels of \
         parentheses and `not`. The whole target of a request may have {MAX_URI_BYTES} bytes.",
        field::markdown(),
        filter::MAX_LENGTH,
        filter::MAX_COMPARISONS,
        filter::MAX_VALUES,
        filter::MAX_TEXT_LENGTH,
        filter::MAX_DEPTH,
    );
    let schema = json!({
        "type": "string",
        "format": "filter",
        "examples": [
            "completionStatus isnull",
            "type eq \"CLOUD_ACCOUNT_AGGREGATION\" and completionStatus isnull",
            "sourceId in (\"2c9180835d2e5168015d32f890ca1581\") and created gt 2026-01-01T00:00:00Z",
            "not (launcher sw \"nightly\" or percentComplete ge 90)",
        ],
    });
    (description, schema)
}
